/* SPDX-License-Identifier: GPL-2.0 */
/* Between the parts of the test module. */
#ifndef COALESCE_TLBI_SENT_H
#define COALESCE_TLBI_SENT_H

#include <linux/percpu.h>

/**
 * sent_ioctl() - Serve the requests from ORACLE_SENT_START on
 * @cmd: the request
 * @arg: its argument
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
long sent_ioctl(unsigned int cmd, unsigned long arg);

/**
 * sent_init() - Be told where the words are
 * @kernel_cr3_loaded: the per-CPU word, NULL in a kernel that has none
 */
void sent_init(unsigned long __percpu *kernel_cr3_loaded);

/**
 * sent_exit() - Record no more
 *
 * Context: process context, may sleep.
 */
void sent_exit(void);

#endif
