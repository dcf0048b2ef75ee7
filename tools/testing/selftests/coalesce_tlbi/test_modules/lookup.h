/* SPDX-License-Identifier: GPL-2.0 */
/* What modules cannot name: functions, and the per-CPU state. */
#ifndef COALESCE_TLBI_LOOKUP_H
#define COALESCE_TLBI_LOOKUP_H

#include <linux/types.h>

/**
 * lookup_function() - Find a function that modules cannot name
 * @name: its name
 *
 * Return: its address, NULL if there is none or no kprobe may be set on it.
 *
 * Context: process context, may sleep.
 */
void *lookup_function(const char *name);

/**
 * lookup_init() - Find the per-CPU state, kernel_cr3_loaded
 *
 * Context: process context, may sleep.
 */
void lookup_init(void);

/**
 * has_states() - Check whether this kernel has the per-CPU state
 *
 * Return: true if it has.
 */
bool has_states(void);

/**
 * state_of() - Read the state of a CPU
 * @cpu: its number
 *
 * Return: kernel_cr3_loaded, -1 in a kernel without it.
 *
 * Context: any, NMI included.
 */
s64 state_of(int cpu);

/**
 * set_own_state() - Overwrite the state of the calling CPU
 * @state: the value; only if has_states()
 *
 * Context: interrupts off.
 */
void set_own_state(s64 state);

#endif
