/* SPDX-License-Identifier: GPL-2.0 */
/* The event of calls.c, and what the rest of the module knows of it. */
#ifndef COALESCE_TLBI_CALLS_H
#define COALESCE_TLBI_CALLS_H

struct tracepoint;

/**
 * calls_tracepoint() - The tracepoint that this module has in place of the kernel's
 *
 * Return: that of csd_function_entry, NULL if the kernel has one itself.
 */
struct tracepoint *calls_tracepoint(void);

/**
 * calls_init() - Begin to record the calls, if the kernel cannot
 *
 * Return: 0, or a negative error.
 *
 * Context: process context, may sleep; patches text.
 */
int calls_init(void);

/**
 * calls_exit() - End the recording
 *
 * Context: process context, may sleep; patches text.
 */
void calls_exit(void);

#endif
