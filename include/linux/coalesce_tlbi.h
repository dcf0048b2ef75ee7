/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What need not reach a CPU in user mode: flushes of kernel translations, and
 * other synchronisation of kernel code.
 *
 * Every architecture may call these; where CONFIG_COALESCE_TLBI is not set
 * each is the plain operation, on all CPUs, at once.
 */
#ifndef _LINUX_COALESCE_TLBI_H
#define _LINUX_COALESCE_TLBI_H

#include <linux/mm_types.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include <asm/tlbflush.h>

#ifdef CONFIG_COALESCE_TLBI

void flush_tlb_kernel_range_deferrable(unsigned long start, unsigned long end);
void coalesce_tlbi_flush_pending(void);
void coalesce_tlbi_note_huge_change(void);
bool coalesce_tlbi_may_queue_work(int cpu);
void on_each_cpu_in_kernel(smp_call_func_t func, void *info);
void smp_call_function_in_kernel(smp_call_func_t func, void *info);
void vm_unmap_aliases_deferrable(void);

/* For flush_tlb_kernel_range_deferrable() alone */
void __coalesce_tlbi_call(smp_call_func_t func, void *info, unsigned long start,
			  unsigned long end, unsigned long caller);

/* For it and for changes of page attributes */
bool flush_huge_changes(void);
bool coalesce_tlbi_protection_only(unsigned long set, unsigned long clear);

/**
 * coalesce_tlbi_call() - Flush on all CPUs, or on those that need it now
 * @func: the flush; runs with interrupts off
 * @info: its argument
 * @start: first byte of the range, for the tracepoint
 * @end: first byte after the range, for the tracepoint
 * @caller: who asked for a deferrable flush; 0 for one that is not deferred
 *
 * Context: process context, interrupts enabled; does not sleep.
 */
static __always_inline void coalesce_tlbi_call(smp_call_func_t func, void *info,
					       unsigned long start, unsigned long end,
					       unsigned long caller)
{
	if (caller)
		__coalesce_tlbi_call(func, info, start, end, caller);
	else
		on_each_cpu(func, info, 1);
}

#else /* !CONFIG_COALESCE_TLBI */

static inline void on_each_cpu_in_kernel(smp_call_func_t func, void *info)
{
	on_each_cpu(func, info, 1);
}

static inline void smp_call_function_in_kernel(smp_call_func_t func, void *info)
{
	smp_call_function(func, info, 1);
}

static inline void vm_unmap_aliases_deferrable(void)
{
	vm_unmap_aliases();
}

static inline bool flush_huge_changes(void)
{
	return false;
}

/* A macro: as an inline function it changes the registers of its callers. */
#define coalesce_tlbi_protection_only(set, clear) ((void)(set), (void)(clear), false)

#ifdef CONFIG_MMU
static inline void flush_tlb_kernel_range_deferrable(unsigned long start, unsigned long end)
{
	flush_tlb_kernel_range(start, end);
}
#endif

static inline void coalesce_tlbi_flush_pending(void) { }
static inline void coalesce_tlbi_note_huge_change(void) { }

static inline bool coalesce_tlbi_may_queue_work(int cpu)
{
	return true;
}

static __always_inline void coalesce_tlbi_call(smp_call_func_t func, void *info,
					       unsigned long start, unsigned long end,
					       unsigned long caller)
{
	on_each_cpu(func, info, 1);
}

#endif /* CONFIG_COALESCE_TLBI */

#endif /* _LINUX_COALESCE_TLBI_H */
