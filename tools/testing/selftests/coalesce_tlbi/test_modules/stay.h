/* SPDX-License-Identifier: GPL-2.0 */
/* A CPU that stays in the kernel. */
#ifndef COALESCE_TLBI_STAY_H
#define COALESCE_TLBI_STAY_H

/**
 * stay_ioctl() - Serve ORACLE_WALK_AT, ORACLE_STAY, ORACLE_LEAVE and ORACLE_STAYED
 * @cmd: the request
 * @arg: its argument
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
long stay_ioctl(unsigned int cmd, unsigned long arg);

/**
 * stay_exit() - Drop the reference to the page tables that are walked
 */
void stay_exit(void);

#endif
