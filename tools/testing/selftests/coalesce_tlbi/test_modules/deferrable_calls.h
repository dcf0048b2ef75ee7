/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The IPI callbacks that can be deferred.  Included by the tests and, on a kernel
 * without the event csd_function_entry, by the module.
 */
#ifndef COALESCE_TLBI_DEFERRABLE_CALLS_H
#define COALESCE_TLBI_DEFERRABLE_CALLS_H

/**
 * struct deferrable_call - an IPI callback
 * @name: the function
 * @is_flush: it flushes the kernel part of the TLB for the vmalloc layer, or for
 *	a change of permissions
 */
struct deferrable_call {
	const char *name;
	bool is_flush;
};

static const struct deferrable_call deferrable_calls[] = {
	/* Where IPIs are deferred */
	{ "coalesce_tlbi_flush_all", true },
	{ "coalesce_tlbi_flush_range", true },
	{ "coalesce_tlbi_flush_this_cpu", true },
	{ "coalesce_tlbi_sync_core", false },
	{ "coalesce_tlbi_smp_mb", false },
	/* The kernel's own, where nothing is deferred */
	{ "do_flush_tlb_all", true },
	{ "do_kernel_range_flush", true },
	{ "__cpa_flush_tlb", false },
	{ "do_sync_core", false },
	{ "ftrace_sync_ipi", false },
	{ "tlb_remove_table_smp_sync", false },
};

#endif
