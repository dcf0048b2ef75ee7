/* SPDX-License-Identifier: GPL-2.0 */
/* Requests that map, protect and free kernel memory. */
#ifndef COALESCE_TLBI_MEMORY_H
#define COALESCE_TLBI_MEMORY_H

/**
 * memory_ioctl() - Serve the requests about memory, and ORACLE_OOPS
 * @cmd: the request
 * @arg: its argument
 *
 * Return: 0, or a negative error; -ENOTTY if it is none of these.
 *
 * Context: process context, may sleep.
 */
long memory_ioctl(unsigned int cmd, unsigned long arg);

/**
 * memory_init() - Find the functions that the requests call
 *
 * Context: process context, may sleep.
 */
void memory_init(void);

/**
 * memory_exit() - Free what requests left mapped
 *
 * Context: process context, may sleep.
 */
void memory_exit(void);

#endif
