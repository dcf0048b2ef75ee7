/* SPDX-License-Identifier: GPL-2.0 */
/* Between the parts of the test module. */
#ifndef COALESCE_TLBI_STAY_H
#define COALESCE_TLBI_STAY_H

/**
 * stay_ioctl() - Serve the requests from ORACLE_WALK_AT on
 * @cmd: the request
 * @arg: its argument
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
long stay_ioctl(unsigned int cmd, unsigned long arg);

/**
 * stay_exit() - Give up what is walked
 */
void stay_exit(void);

#endif
