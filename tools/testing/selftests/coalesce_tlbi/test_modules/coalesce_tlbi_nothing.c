// SPDX-License-Identifier: GPL-2.0
/* A module to load and unload; its memory is what the tests want freed. */
#include <linux/module.h>

static int __init nothing_init(void)
{
	return 0;
}

static void __exit nothing_exit(void)
{
}

module_init(nothing_init);
module_exit(nothing_exit);

MODULE_DESCRIPTION("Nothing, to be loaded and unloaded by the COALESCE_TLBI tests");
MODULE_LICENSE("GPL");
