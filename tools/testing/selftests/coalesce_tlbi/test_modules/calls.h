/* SPDX-License-Identifier: GPL-2.0 */
/* The event csd_function_entry, for a kernel that lacks it. */
#ifndef COALESCE_TLBI_CALLS_H
#define COALESCE_TLBI_CALLS_H

struct tracepoint;

/**
 * calls_tracepoint() - This module's tracepoint in place of the kernel's
 *
 * Return: csd_function_entry, NULL if the kernel has one.
 */
struct tracepoint *calls_tracepoint(void);

/**
 * calls_init() - Begin to record IPI callbacks, if the kernel cannot
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
