/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LOG_H
#define LOG_H

#include <stdio.h>

/* The kernel log, as a guest of the harness reads it */
struct log {
	const char *path;	/* /dev/kmsg, but in tests of the harness */
	int fd;			/* -1: not open yet */
	int records;		/* read so far */
};

int log_check(struct log *log, FILE *out, int *oopses);

#endif
