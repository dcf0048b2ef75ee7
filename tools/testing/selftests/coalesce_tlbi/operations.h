/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What housekeeping CPUs do that the kernel has other CPUs take note of.  The
 * caller has opened the oracle (isolated_find()) and is on a housekeeping CPU.
 */
#ifndef COALESCE_TLBI_OPERATIONS_H
#define COALESCE_TLBI_OPERATIONS_H

#include <stdbool.h>

#include "isolated.h"

/**
 * enum operation_kind - what an isolated CPU in user mode may get of it
 * @DEFERRABLE: nothing; some interrupts where nothing is deferred
 * @QUIET: nothing; and on some kernels nothing where nothing is deferred
 * @IN_KERNEL: nothing that can be deferred, but what was sent while the CPU was in
 *	the kernel for something else that the operation brings
 * @OTHER: what the kernel sends it, for the inventory
 */
enum operation_kind { DEFERRABLE, QUIET, IN_KERNEL, OTHER };

/**
 * struct operation - one such thing
 * @name: for the results
 * @operate: does it once and undoes it; returns 0 or an error number
 * @kind: what is claimed of it
 * @slow: not to be done often
 * @call: the function that a CPU in the kernel is called with for it, or NULL
 * @or_call: or this one: a flush of more than a few pages is one of everything
 */
struct operation {
	const char *name;
	int (*operate)(void);
	enum operation_kind kind;
	bool slow;
	const char *call;
	const char *or_call;
};

/* All of them, and their number. */
extern const struct operation operations[];
extern const int n_operations;

/**
 * operations_start() - To be called before the first
 *
 * Loads a BPF program that stays: the pages that programs are packed into are
 * mapped with a large leaf, and what happens to that is not deferred.
 */
void operations_start(void);

/**
 * sent_start() - Begin to look at the word of each CPU that a call is queued for
 *
 * Return: false if this kernel has no tracepoint there.
 */
bool sent_start(void);

/**
 * sent_tally() - Add up calls that could have been deferred, and were queued for a
 * CPU whose word said user mode
 * @sum: those since sent_start(), by function, are added to it
 *
 * Return: their number.
 */
unsigned long sent_tally(struct tally *sum);

/**
 * operate_probe() - Set the oracle's probe, or take it away
 * @name: as in struct oracle_probe
 *
 * Return: 0 or an error number.
 */
int operate_probe(const char *name);

/**
 * operate_attributes() - Make a page read-only, and writable again
 *
 * Return: 0 or an error number.
 */
int operate_attributes(void);

/**
 * small_pages_map() - Map small pages that could be a large one, and touch them
 *
 * Return: their address; NULL if there is no memory.
 */
void *small_pages_map(void);

/**
 * small_pages_collapse() - Make a large page of them
 * @start: their address
 *
 * Return: 0 or an error number.
 */
int small_pages_collapse(void *start);

/**
 * small_pages_unmap() - Give them back, collapsed or not
 * @start: their address
 */
void small_pages_unmap(void *start);

/**
 * operate_module() - Load a module that does nothing, and unload it
 *
 * Return: 0 or an error number.
 */
int operate_module(void);

/**
 * operate_bpf() - Load a BPF program that does nothing, and unload it
 *
 * Return: 0 or an error number.
 */
int operate_bpf(void);

/**
 * operate_fork() - Fork a process that exits
 *
 * Return: 0 or an error number.
 */
int operate_fork(void);

#endif
