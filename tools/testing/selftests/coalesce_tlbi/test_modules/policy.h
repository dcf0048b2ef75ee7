/* SPDX-License-Identifier: GPL-2.0 */
/* Between the parts of the test module. */
#ifndef COALESCE_TLBI_POLICY_H
#define COALESCE_TLBI_POLICY_H

#include <linux/percpu.h>
#include <linux/types.h>

/**
 * oracle_drain() - Purge what vunmap() and vfree() left, as its worker does
 *
 * Context: process context, may sleep.
 */
void oracle_drain(void);

/**
 * policy_ioctl() - Serve the requests from ORACLE_SET_UC on
 * @cmd: the request
 * @arg: its argument
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
long policy_ioctl(unsigned int cmd, unsigned long arg);

/**
 * policy_init() - Be told where the words are
 * @kernel_cr3_loaded: the per-CPU word, NULL in a kernel that has none
 */
void policy_init(unsigned long __percpu *kernel_cr3_loaded);

/**
 * policy_exit() - Give back what requests left mapped
 *
 * Context: process context, may sleep.
 */
void policy_exit(void);

#endif
