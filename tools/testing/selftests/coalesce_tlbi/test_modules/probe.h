/* SPDX-License-Identifier: GPL-2.0 */
/* Between the two halves of the test module. */
#ifndef COALESCE_TLBI_PROBE_H
#define COALESCE_TLBI_PROBE_H

#include <linux/types.h>

/**
 * oracle_look() - Read through the oracle's address
 * @seen: filled with the page that was reached; -1 for neither
 * @should: filled with the page that the address is mapped to
 *
 * Context: any, NMI included.
 */
void oracle_look(int *seen, int *should);

/**
 * oracle_function() - Find a function that modules cannot name
 * @name: its name
 *
 * A probe is registered disabled, so that no text is patched.
 *
 * Return: its address, NULL if there is none or it may not be probed.
 *
 * Context: process context, may sleep.
 */
void *oracle_function(const char *name);

/**
 * probe_nmi() - Called by the module's handler in every NMI
 *
 * Context: NMI.
 */
void probe_nmi(void);

/**
 * probe_ioctl() - Serve the requests about probes, words and vectors
 * @cmd: the request
 * @arg: its argument in user memory
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
long probe_ioctl(unsigned int cmd, void __user *arg);

/**
 * probe_init() - Find the words; be told of exceptions from user mode
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep.
 */
int probe_init(void);

/**
 * probe_exit() - Take the probe away; nothing calls it any more on return
 *
 * Context: process context, may sleep.
 */
void probe_exit(void);

#endif
