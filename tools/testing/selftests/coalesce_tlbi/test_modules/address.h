/* SPDX-License-Identifier: GPL-2.0 */
/* The oracle's address and pages: read through the address, move it. */
#ifndef COALESCE_TLBI_ADDRESS_H
#define COALESCE_TLBI_ADDRESS_H

#include <linux/types.h>

/**
 * vmalloc_drain() - Purge what vunmap() and vfree() left, as the kernel's worker does
 *
 * Context: process context, may sleep.
 */
void vmalloc_drain(void);

/**
 * address_read() - Read through the address
 * @seen: filled with the page that was reached; -1 for none
 * @should: filled with the page that the address is mapped to
 *
 * Only where the address is not being moved.
 *
 * Context: any, NMI included.
 */
void address_read(int *seen, int *should);

/**
 * address_judge() - Read where the address may be moved at the same time
 * @seen: as in address_read()
 * @should: as in address_read()
 *
 * A fault is an answer too.
 *
 * Return: 1 for the wrong page, 0 for a right answer, -1 if what was read cannot
 * be judged.
 *
 * Context: any, NMI included.
 */
int address_judge(int *seen, int *should);

/**
 * address_ioctl() - Serve the requests that read or move the address
 * @cmd: the request
 * @arg: its argument in user memory
 *
 * Return: 0, or a negative error; -ENOTTY if it is none of these.
 *
 * Context: process context, may sleep.
 */
long address_ioctl(unsigned int cmd, void __user *arg);

/**
 * address_init() - Map the address
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
int address_init(void);

/**
 * address_exit() - Unmap the address, free the pages
 *
 * Context: process context, may sleep.
 */
void address_exit(void);

#endif
