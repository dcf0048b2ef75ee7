/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel does not export: functions, and the per-CPU state. */
#ifndef COALESCE_TLBI_LOOKUP_H
#define COALESCE_TLBI_LOOKUP_H

#include <linux/types.h>

/**
 * lookup_function() - Find a function that is not exported
 * @name: its name
 *
 * Call the result only by a static call.  An indirect call faults on a CPU with IBT.
 *
 * Return: its address, NULL if there is none or no kprobe may be set on it.
 *
 * Context: process context, may sleep.
 */
void *lookup_function(const char *name);

/**
 * has_states() - Check whether the module has the address of the per-CPU state
 *
 * Return: true if the parameter kernel_cr3_loaded is set.
 */
bool has_states(void);

/**
 * state_of() - Read the state of a CPU
 * @cpu: its number
 *
 * Return: kernel_cr3_loaded, -1 if not has_states().
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
