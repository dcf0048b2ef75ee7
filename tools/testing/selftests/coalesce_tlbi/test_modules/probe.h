/* SPDX-License-Identifier: GPL-2.0 */
/* The probe, which reads through the address at a chosen place in the kernel. */
#ifndef COALESCE_TLBI_PROBE_H
#define COALESCE_TLBI_PROBE_H

#include <linux/types.h>

/**
 * probe_nmi() - Called by the module's handler in every NMI
 *
 * Context: NMI.
 */
void probe_nmi(void);

/**
 * probe_ioctl() - Serve the requests about the probe, states and vectors
 * @cmd: the request
 * @arg: its argument in user memory
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
long probe_ioctl(unsigned int cmd, void __user *arg);

/**
 * probe_init() - Register for exceptions from user mode
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
int probe_init(void);

/**
 * probe_exit() - Remove the probe; nothing calls it any more on return
 *
 * Context: process context, may sleep.
 */
void probe_exit(void);

#endif
