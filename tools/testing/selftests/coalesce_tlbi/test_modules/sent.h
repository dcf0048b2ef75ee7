/* SPDX-License-Identifier: GPL-2.0 */
/* IPI callbacks that were queued, by the state of the target. */
#ifndef COALESCE_TLBI_SENT_H
#define COALESCE_TLBI_SENT_H

#include <linux/types.h>

/**
 * sent_ioctl() - Serve ORACLE_SENT_START and ORACLE_SENT
 * @cmd: the request
 * @arg: its argument in user memory
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
long sent_ioctl(unsigned int cmd, void __user *arg);

/**
 * sent_exit() - End the recording
 *
 * Context: process context, may sleep.
 */
void sent_exit(void);

#endif
