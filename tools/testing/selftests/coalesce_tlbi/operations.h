/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Operations of housekeeping CPUs for which the kernel sends IPIs to other CPUs.  The
 * caller has opened the oracle (isolated_find()) and is on a housekeeping CPU.
 */
#ifndef COALESCE_TLBI_OPERATIONS_H
#define COALESCE_TLBI_OPERATIONS_H

#include <stdbool.h>

#include "counts.h"

/**
 * enum operation_kind - which IPIs an isolated CPU in user mode may receive
 * @DEFERRABLE: none if IPIs are deferred; at least one if not
 * @QUIET: none if IPIs are deferred; if not, none on some kernels
 * @IN_KERNEL: deferrable IPIs only if they were sent while the CPU was in the kernel
 *	for something else that the operation causes
 * @FORCED: no more than on a kernel without the option
 * @OTHER: any; the tests make no claim
 */
enum operation_kind { DEFERRABLE, QUIET, IN_KERNEL, FORCED, OTHER };

/**
 * struct operation - an operation
 * @name: for the results
 * @operate: does it once and undoes it; returns 0 or an error number
 * @kind: what the tests claim of it
 * @slow: not to be repeated often
 * @call: the IPI callback that it sends to a CPU in the kernel where nothing is
 *	deferred, or NULL
 * @or_call: an alternative to @call: a flush of many pages flushes the whole TLB
 * @our_call: in place of @call where IPIs are deferred
 * @or_our_call: in place of @or_call
 */
struct operation {
	const char *name;
	int (*operate)(void);
	enum operation_kind kind;
	bool slow;
	const char *call;
	const char *or_call;
	const char *our_call;
	const char *or_our_call;
};

/* All operations, and their number. */
extern const struct operation operations[];
extern const int n_operations;

/**
 * operations_start() - Prepare for the first operation
 *
 * Loads a BPF program that stays loaded.  BPF programs are packed into a huge
 * mapping, and the flushes for allocating and freeing that are not deferred.
 */
void operations_start(void);

/**
 * sent_start() - Begin to record the state of each CPU that an IPI is queued for
 *
 * Return: false if this kernel has no tracepoint there.
 */
bool sent_start(void);

/**
 * sent_tally() - Add up deferrable IPIs to CPUs whose state said user mode
 * @sum: those since sent_start(), by callback, are added to it
 *
 * Return: their number.
 */
unsigned long sent_tally(struct tally *sum);

/**
 * operate_probe() - Set the oracle's probe, or remove it
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
 * small_pages_map() - Map small pages that could be one huge page, and touch them
 *
 * Return: their address; NULL if there is no memory.
 */
void *small_pages_map(void);

/**
 * small_pages_collapse() - Collapse them into a huge page
 * @start: their address
 *
 * Return: 0 or an error number.
 */
int small_pages_collapse(void *start);

/**
 * small_pages_unmap() - Unmap them, collapsed or not
 * @start: their address
 */
void small_pages_unmap(void *start);

/**
 * write_word() - Write to a file of the kernel
 * @path: the file
 * @word: what to write
 *
 * Return: 0 or an error number.
 */
int write_word(const char *path, const char *word);

/**
 * module_load() - Load an empty module
 *
 * Return: 0 or an error number.
 */
int module_load(void);

/**
 * module_address() - Find the text of that module
 *
 * Return: its address, 0 if the module is not loaded or the address is hidden.
 */
unsigned long long module_address(void);

/**
 * module_unload() - Unload it
 *
 * Return: 0 or an error number.
 */
int module_unload(void);

/**
 * operate_module() - Load an empty module, and unload it
 *
 * Return: 0 or an error number.
 */
int operate_module(void);

/**
 * operate_bpf() - Load an empty BPF program, and unload it
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
