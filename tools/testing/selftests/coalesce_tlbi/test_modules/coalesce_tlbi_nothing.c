// SPDX-License-Identifier: GPL-2.0
/* An empty module: the tests load and unload it, which frees module memory. */
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

MODULE_DESCRIPTION("Empty module of the COALESCE_TLBI tests");
MODULE_LICENSE("GPL");
