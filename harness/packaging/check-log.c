// SPDX-License-Identifier: GPL-2.0
/*
 * check-log: does the kernel log of this boot have what no test may leave there?
 * Prints that.  Status 1 if it does, or if the log cannot be read.  As root.
 */
#include <stdio.h>

#include "../log.h"

int main(void)
{
	struct log log = { .path = "/dev/kmsg", .fd = -1 };
	int oopses = 0, splats;

	splats = log_check(&log, stdout, &oopses);
	return splats || !log.records;
}
