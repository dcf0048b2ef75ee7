// SPDX-License-Identifier: GPL-2.0
/*
 * check-log: print the splats in the kernel log of this boot.  Status 1 if there is
 * one, or if the log cannot be read.  Needs root.
 */
#include <stdio.h>

#include "../guest/log.h"

int main(void)
{
	struct log log = { .path = "/dev/kmsg", .fd = -1 };
	int oopses = 0, splats;

	splats = log_check(&log, stdout, &oopses);
	return splats || !log.records;
}
