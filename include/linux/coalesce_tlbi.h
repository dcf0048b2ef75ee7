/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel TLB flushes that may be deferred on CPUs in user mode.
 *
 * Every architecture may call these.  Without CONFIG_COALESCE_TLBI the flush is
 * flush_tlb_kernel_range(), which flushes every CPU before it returns, and the other
 * functions do nothing.
 */
#ifndef _LINUX_COALESCE_TLBI_H
#define _LINUX_COALESCE_TLBI_H

#include <linux/mm_types.h>
#include <linux/types.h>
#include <asm/tlbflush.h>

#if defined(CONFIG_MMU) && !defined(flush_tlb_kernel_range_deferrable)
static inline void flush_tlb_kernel_range_deferrable(unsigned long start, unsigned long end)
{
	flush_tlb_kernel_range(start, end);
}
#endif

#ifdef CONFIG_COALESCE_TLBI

void coalesce_tlbi_flush_pending(void);
void coalesce_tlbi_note_huge_change(unsigned long addr, unsigned long size);
void coalesce_tlbi_quarantine(struct page **pages, unsigned int n);
bool coalesce_tlbi_may_queue_work(int cpu);

#else /* !CONFIG_COALESCE_TLBI */

static inline void coalesce_tlbi_flush_pending(void) { }
static inline void coalesce_tlbi_note_huge_change(unsigned long addr, unsigned long size) { }
static inline void coalesce_tlbi_quarantine(struct page **pages, unsigned int n) { }

static inline bool coalesce_tlbi_may_queue_work(int cpu)
{
	return true;
}

#endif /* CONFIG_COALESCE_TLBI */

#endif /* _LINUX_COALESCE_TLBI_H */
