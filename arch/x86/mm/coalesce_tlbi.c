// SPDX-License-Identifier: GPL-2.0
/*
 * Defer flushes of kernel TLB entries on CPUs that run user mode.
 *
 * A CPU in user mode cannot use a kernel translation.  A flush of kernel TLB entries
 * need not interrupt it, if the CPU itself flushes before it runs kernel code that
 * could follow a pointer.  asm/coalesce_tlbi.h has the per-CPU state and the hooks of
 * the entry code; this file has the initiator.
 *
 * Why no flush is lost
 * --------------------
 * Three parties run concurrently: an initiator, which cleared page-table entries and
 * wants them flushed; the target, whose entry hook runs before any code that could
 * use them; and the page walker of the target, which may fill the TLB speculatively
 * from any present entry at any time, in user mode too.
 *
 *	initiator				target, entering the kernel
 *	---------				---------------------------
 *	clear the entries
 *	smp_mb()				lock or LOADED, state	full barrier
 *	read the state				read FLUSH_PENDING
 *	  LOADED: send the IPI, wait		  set: flush, state = LOADED
 *	  else: cmpxchg FLUSH_PENDING		follow pointers
 *
 * Every clear that a flush covers happens before the call: on the same CPU or, when
 * one CPU flushes what other CPUs cleared, ordered by the locks of vmalloc (of the
 * areas to be purged, of a vmap_block, vmap_purge_lock).  So it happens before the
 * smp_mb() here.
 *
 * - The initiator reads LOADED.  It sends the IPI and waits, as without this file.
 *
 * - The initiator does not read LOADED.  Its access to the state, which is the cmpxchg
 *   or the read that found FLUSH_PENDING, then precedes the locked OR of the target in
 *   the coherence order of the state.  The target finds FLUSH_PENDING there, because
 *   only a completed flush clears it.  The clears precede that access; the flush
 *   follows the locked OR.  So every page walk that starts after the flush finds the
 *   entries cleared, and the flush removes what an earlier walk put into the TLB.  The
 *   locked OR does not order page walks.  The flush does, because a write to CR4 is
 *   serialising (SDM vol. 3, "Serializing Instructions").
 *
 * - A second initiator finds FLUSH_PENDING set and does nothing.  The flush that it
 *   relies on has not begun: FLUSH_PENDING without LOADED means that the target has
 *   not entered.
 *
 * What goes wrong without each of these:
 *
 *   smp_mb()    The clear waits in the store buffer of the initiator while it reads
 *               a user-mode state.  The target enters, flushes, and walks to the old
 *               entry again.  Then the clear becomes visible.
 *   locked OR   A plain store waits in the store buffer of the target.  The initiator
 *               reads a user-mode state and sets FLUSH_PENDING, the store overwrites
 *               it, and the flush is lost.
 *   flush, then state = LOADED
 *               In the opposite order, an NMI in between finds LOADED and uses stale
 *               TLB entries.
 *
 * An IPI that was sent because the target ran kernel code may reach it after it has
 * returned to user mode.  It costs the target one interruption; the handler flushes
 * as before.
 *
 * A CPU in user mode uses one kind of kernel translation: when it loads a segment
 * register, it reads the LDT, which can be vmalloc memory.  This is safe.  Only the
 * kernel loads LDTR (in the IPI of flush_ldt(), or at a switch of mm), and it does so
 * after the entry hook of that CPU, so the translation was valid then.  An LDT is freed
 * only after no CPU of its mm uses it any more.  The other tables that the CPU reads
 * (GDT, IDT, TSS, debug store) are in the cpu_entry_area.
 *
 * The caller decides whether a flush may be deferred.  The rules are at
 * flush_tlb_kernel_range_deferrable().
 */
#define pr_fmt(fmt) "coalesce_tlbi: " fmt

#include <linux/coalesce_tlbi.h>
#include <linux/cpu.h>
#include <linux/cpufeature.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/sync_core.h>
#include <linux/tick.h>

#include <asm/coalesce_tlbi.h>
#ifdef CONFIG_X86_FRED
#include <asm/fred.h>
#endif
#include <asm/ptrace.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/tlbflush.h>

#include "mm_internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/coalesce_tlbi.h>

enum coalesce_tlbi_mode {
	COALESCE_TLBI_ALWAYS,
	COALESCE_TLBI_PENDING,
	COALESCE_TLBI_OFF,
};

static const char * const coalesce_tlbi_modes[] = {
	[COALESCE_TLBI_ALWAYS]	= "always",
	[COALESCE_TLBI_PENDING]	= "pending",
	[COALESCE_TLBI_OFF]	= "off",
};

static enum coalesce_tlbi_mode coalesce_tlbi_mode __ro_after_init = COALESCE_TLBI_ALWAYS;

static_assert(offsetof(struct kernel_cr3_state, state) == KERNEL_CR3_state);
static_assert(offsetof(struct kernel_cr3_state, exit_state) == KERNEL_CR3_exit_state);
static_assert(offsetof(struct kernel_cr3_state, entry_flushes) == KERNEL_CR3_entry_flushes);

#ifdef CONFIG_COALESCE_TLBI_DEBUG
static_assert(offsetof(struct kernel_cr3_state, saved) == KERNEL_CR3_saved);
#endif

DEFINE_PER_CPU_ALIGNED(struct kernel_cr3_state, kernel_cr3_loaded) = {
	.state		= ATOMIC_LONG_INIT(KERNEL_CR3_LOADED),
	.exit_state	= KERNEL_CR3_LOADED,
#ifdef CONFIG_COALESCE_TLBI_DEBUG
	.saved		= KERNEL_CR3_LOADED,
#endif
};

/* The bits of CR4 that the entry flush takes from the shadow, and those that it sets */
unsigned long coalesce_tlbi_unpinned_cr4 __ro_after_init = ~0UL;
unsigned long coalesce_tlbi_pinned_cr4 __ro_after_init;

/**
 * struct coalesce_tlbi_counters - counts of IPIs to one CPU, written by initiators
 * @deferred: IPIs that were deferred
 * @forced: IPIs that were sent because a pending flush could not wait
 *
 * Written by any CPU, so atomic and not in the cache line of the entry code.
 */
struct coalesce_tlbi_counters {
	atomic_long_t	deferred;
	atomic_long_t	forced;
};

static DEFINE_PER_CPU_SHARED_ALIGNED(struct coalesce_tlbi_counters, coalesce_tlbi_counters);

/**
 * struct coalesce_tlbi_request - what an initiator asks of every CPU
 * @start: first byte of the range to flush; 0 with @end 0 if there is no range
 * @end: first byte after the range, or TLB_FLUSH_ALL
 * @caller: return address of the request, for the tracepoint
 *
 * On the stack of the initiator.  The predicate and the IPI callback read it, both
 * before the initiator returns; a target whose IPI is deferred never reads it.
 */
struct coalesce_tlbi_request {
	unsigned long	start;
	unsigned long	end;
	unsigned long	caller;
};

/*
 * Ranges in which a huge mapping was unmapped or changed, until every CPU is flushed.
 * A flush that overlaps one of them is not deferred.  Adjacent ranges are merged.  If
 * the table is full, a range grows to include the new one.  Then some flushes that could
 * be deferred are not.
 */
#define MAX_HUGE_CHANGES	16

struct huge_change {
	unsigned long	start;
	unsigned long	end;	/* first byte after it */
	unsigned long	seq;	/* the last change in it */
};

static DEFINE_RAW_SPINLOCK(huge_changes_lock);
static struct huge_change huge_changes[MAX_HUGE_CHANGES];
static unsigned int nr_huge_changes;
static unsigned long huge_changes_seq;

/*
 * Decide for one target by its state.  Return true if it needs the IPI, false if a
 * flush is now pending there.  The smp_mb() of the caller orders the clears before
 * this access.
 */
static __always_inline bool state_needs_ipi(atomic_long_t *state)
{
	long old = atomic_long_read(state);

	do {
		if (old & KERNEL_CR3_LOADED)
			return true;
		if (old & KERNEL_CR3_FLUSH_PENDING)
			return false;
	} while (!atomic_long_try_cmpxchg(state, &old, old | KERNEL_CR3_FLUSH_PENDING));

	return false;
}

/*
 * Is @state legal for a remote CPU?  A CPU that never defers has exactly LOADED.  In
 * mode always, FLUSH_ALWAYS is set from the exit until the flush at entry is complete;
 * in mode pending it is never set.
 */
static bool legal_state(long state, unsigned long exit_state)
{
	const long bits = KERNEL_CR3_LOADED | KERNEL_CR3_FLUSH;

	if (state == KERNEL_CR3_LOADED)
		return true;
	if (exit_state == KERNEL_CR3_LOADED || (state & ~bits))
		return false;
	return (state & KERNEL_CR3_FLUSH_ALWAYS) == exit_state;
}

static void assert_legal_state(int cpu)
{
	struct kernel_cr3_state *cr3 = &per_cpu(kernel_cr3_loaded, cpu);
	long state;

	if (!IS_ENABLED(CONFIG_COALESCE_TLBI_DEBUG))
		return;
	state = atomic_long_read(&cr3->state);
	WARN_ONCE(!legal_state(state, cr3->exit_state),
		  "coalesce_tlbi: CPU %d: illegal state %ld\n", cpu, state);
}

/* Not inlined, to keep the initiator's cost for each deferred IPI small. */
static noinline void trace_deferral(int cpu, const struct coalesce_tlbi_request *req)
{
	trace_coalesce_tlbi_defer(cpu, req->start, req->end, req->caller);
}

/* Predicate of on_each_cpu_cond(), evaluated on the initiator, preemption off. */
static bool needs_ipi_now(int cpu, void *info)
{
	assert_legal_state(cpu);
	if (cpu == smp_processor_id())
		return true;
	if (state_needs_ipi(&per_cpu(kernel_cr3_loaded, cpu).state))
		return true;

	atomic_long_inc(&per_cpu(coalesce_tlbi_counters, cpu).deferred);
	if (trace_coalesce_tlbi_defer_enabled())
		trace_deferral(cpu, info);
	return false;
}

/* The same without the local CPU. */
static bool other_needs_ipi_now(int cpu, void *info)
{
	return cpu != smp_processor_id() && needs_ipi_now(cpu, info);
}

/* Predicate: does this CPU have a flush pending?  The local CPU never has. */
static bool has_flush_pending(int cpu, void *info)
{
	if (!(atomic_long_read(&per_cpu(kernel_cr3_loaded, cpu).state) & KERNEL_CR3_FLUSH_PENDING))
		return false;

	atomic_long_inc(&per_cpu(coalesce_tlbi_counters, cpu).forced);
	return true;
}

/*
 * The only place that evaluates the predicate, with the barrier before it, so that no
 * initiator can have one without the other.  On a target that is skipped @func never
 * runs, so it may only do what the entry hook does as well: a full barrier, a
 * serialising instruction, a flush of kernel TLB entries.  Therefore callers outside of
 * this file cannot pass a function.
 */
static void call_or_defer(smp_cond_func_t needs_ipi, smp_call_func_t func,
			  struct coalesce_tlbi_request *req)
{
	preempt_disable();
	/* Pairs with the locked OR in COALESCE_TLBI_LOAD: see the top. */
	smp_mb();
	on_each_cpu_cond(needs_ipi, func, req, true);
	preempt_enable();
}

static void coalesce_tlbi_flush_all(void *info)
{
	count_vm_tlb_event(NR_TLB_REMOTE_FLUSH_RECEIVED);
	__flush_tlb_all();
}

static void coalesce_tlbi_flush_range(void *info)
{
	struct coalesce_tlbi_request *req = info;
	unsigned long addr;

	for (addr = req->start; addr < req->end; addr += PAGE_SIZE)
		flush_tlb_one_kernel(addr);
}

static void coalesce_tlbi_sync_core(void *info)
{
	sync_core();
}

static void coalesce_tlbi_smp_mb(void *info)
{
	/* What smp_mb_kernel_cpus() promises; pairs with that of its caller. */
	smp_mb();
}

static void coalesce_tlbi_flush_this_cpu(void *info)
{
	__flush_tlb_all();
}

/* Does @start to @end overlap a huge change?  @seq: the last one that was noted. */
static bool overlaps_huge_change(unsigned long start, unsigned long end, unsigned long *seq)
{
	bool overlaps = false;
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&huge_changes_lock, flags);
	*seq = huge_changes_seq;
	for (i = 0; i < nr_huge_changes; i++)
		overlaps |= start < huge_changes[i].end && end > huge_changes[i].start;
	raw_spin_unlock_irqrestore(&huge_changes_lock, flags);
	return overlaps;
}

/* Every CPU was flushed after change @seq. */
static void forget_huge_changes(unsigned long seq)
{
	unsigned long flags;
	unsigned int i = 0;

	raw_spin_lock_irqsave(&huge_changes_lock, flags);
	while (i < nr_huge_changes) {
		if ((long)(huge_changes[i].seq - seq) <= 0)
			huge_changes[i] = huge_changes[--nr_huge_changes];
		else
			i++;
	}
	raw_spin_unlock_irqrestore(&huge_changes_lock, flags);
}

/*
 * Flush immediately what must not be deferred: if a huge mapping in the range was
 * cleared or changed and no flush has covered that, flush everything on every CPU.
 * That covers all that was cleared before, the range of the caller included.
 *
 * The range is forgotten after the flush and not before, because clearing and flushing
 * are not under one lock: otherwise a second initiator would not find the range while
 * the flush of the first one has not completed, and would defer its own flush.
 *
 * Return: true if every CPU has been flushed, false if the caller may defer.
 */
static bool flush_huge_changes(unsigned long start, unsigned long end)
{
	unsigned long seq;

	if (!overlaps_huge_change(start, end, &seq))
		return false;

	flush_tlb_all();
	forget_huge_changes(seq);
	return true;
}

/**
 * flush_tlb_kernel_range_deferrable() - Flush a range, deferred on CPUs in user mode
 * @start: first byte of the range
 * @end: first byte after the range, or TLB_FLUSH_ALL
 *
 * On return no CPU can use, in kernel mode, a translation of the range that was
 * removed or changed before the call.  Unlike after flush_tlb_kernel_range(), a CPU in
 * user mode may still hold it.  That CPU flushes its whole TLB before it runs kernel
 * code that could use the translation.  So a caller may use this only if all of the
 * following hold:
 *
 *  - No page-table page is freed on the strength of the flush.  A CPU caches every
 *    level and walks at any time, in user mode too.  Use flush_tlb_kernel_range() then.
 *  - Every entry that was removed or changed is a 4K PTE, or was reported by
 *    coalesce_tlbi_note_huge_change(); then this flushes every CPU immediately.
 *  - No page behind the range changes its memory type, encryption or presence on the
 *    strength of the flush (without coalesce_tlbi_flush_pending() in between).
 *  - No page that was executable is reused on the strength of the flush (without
 *    coalesce_tlbi_quarantine()).
 *  - Only kernel code uses the translation, not user mode.
 *
 * Other code must not rely on the IPI of a later, smaller flush to make a CPU do the
 * flush that is pending there: flush_tlb_kernel_range() may flush a remote TLB without
 * an IPI (INVLPGB).  Code that needs it, such as code that maps a huge page where 4K
 * PTEs were, calls coalesce_tlbi_flush_pending() as well.
 *
 * The ordering argument is at the top of this file.  The rules are from the reviews of
 * "context_tracking,x86: Defer some IPIs until a user->kernel transition"
 * (linux-kernel, 2023 to 2026).
 *
 * Context: process context, interrupts enabled, preemption on or off.  Does not sleep;
 *	waits for the CPUs to which it sends an IPI.
 */
void flush_tlb_kernel_range_deferrable(unsigned long start, unsigned long end)
{
	struct coalesce_tlbi_request req = { .start = start, .end = end, .caller = _RET_IP_ };

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI)) {
		flush_tlb_kernel_range(start, end);
		return;
	}
	if (flush_huge_changes(start, end))
		return;

	/* As flush_tlb_kernel_range() decides */
	if (end == TLB_FLUSH_ALL || end - start > tlb_single_page_flush_ceiling << PAGE_SHIFT)
		call_or_defer(needs_ipi_now, coalesce_tlbi_flush_all, &req);
	else
		call_or_defer(needs_ipi_now, coalesce_tlbi_flush_range, &req);
}

/**
 * coalesce_tlbi_flush_aliases() - The same for a range and the aliases of its pages
 * @start: first byte of the range
 * @end: first byte after the range
 *
 * For a change of permissions: the aliases are in the direct map and in the mapping of
 * the kernel image.  Huge mappings elsewhere in vmalloc memory do not matter to it.
 *
 * Context: as flush_tlb_kernel_range_deferrable().
 */
void coalesce_tlbi_flush_aliases(unsigned long start, unsigned long end)
{
	struct coalesce_tlbi_request req = { .end = TLB_FLUSH_ALL, .caller = _RET_IP_ };

	if (!flush_huge_changes(start, end) && !flush_huge_changes(0, VMALLOC_START) &&
	    !flush_huge_changes(VMALLOC_END, TLB_FLUSH_ALL))
		call_or_defer(needs_ipi_now, coalesce_tlbi_flush_all, &req);
}

/**
 * coalesce_tlbi_sync_core_kernel_cpus() - Serialise CPUs that may run kernel text
 * @caller: return address of the function that patches text, for the tracepoint
 *
 * On return every CPU has executed a serialising instruction, or is in user mode and
 * writes CR4, which is serialising, before it runs text that can be patched.  Entry
 * text before the hook is never patched at run time.  For kernel text only: text that
 * user mode executes needs an IPI to every CPU.
 *
 * Without the serialising write: a CPU fetches an instruction of the old text before
 * its entry, and executes it after this has returned and the next part of the new
 * instruction is written.
 *
 * Source: SDM vol. 3, "Handling Self- and Cross-Modifying Code": the executing
 * processor runs a serialising instruction between modification and execution.
 *
 * Context: process context, interrupts enabled (or early boot), preemption on or off.
 *	Does not sleep; waits for the CPUs to which it sends an IPI.
 *
 * Return: true if done.  False if nothing was done, because no CPU defers in this
 *	boot: the caller has to send an IPI to every CPU.
 */
bool coalesce_tlbi_sync_core_kernel_cpus(unsigned long caller)
{
	struct coalesce_tlbi_request req = { .caller = caller };

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		return false;

	call_or_defer(needs_ipi_now, coalesce_tlbi_sync_core, &req);
	return true;
}

/**
 * smp_mb_kernel_cpus() - Full barrier on the other CPUs that may run kernel code
 *
 * On return every other CPU has left any section with interrupts disabled that it was
 * in at the call, and has executed a full barrier since the call; or it is in user mode
 * and executes one at its next entry, before it runs kernel code after the entry hook.
 * That code sees what the caller wrote before the call.  What such a CPU did in the
 * kernel before is complete and visible: x86 lets no load and no ordinary store pass
 * the store of the exit hook.
 *
 * So it orders data that only kernel code after the entry hook uses: not user mode, not
 * the entry code before the hook, not the exit code after the store.
 *
 * Context: as coalesce_tlbi_sync_core_kernel_cpus().
 *
 * Return: true if done.  False if nothing was done, because no CPU defers in this
 *	boot: the caller has to send an IPI to every other CPU.
 */
bool smp_mb_kernel_cpus(void)
{
	struct coalesce_tlbi_request req = { .caller = _RET_IP_ };

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		return false;

	call_or_defer(other_needs_ipi_now, coalesce_tlbi_smp_mb, &req);
	return true;
}

static bool protection_only(unsigned long bits)
{
	return bits && !(bits & ~(_PAGE_RW | _PAGE_DIRTY | _PAGE_NX));
}

/**
 * coalesce_tlbi_protection_only() - Check whether a change of attributes is deferrable
 * @set: bits that a change of page attributes sets
 * @clear: bits that it clears
 *
 * Write and execute permission, and the dirty bit that goes with the first, say what
 * kernel code may do with a page.  Any other bit says what the page is: memory type,
 * encryption, presence.
 *
 * Return: true if at least one bit is given, all are of the first kind, and some CPU
 *	defers in this boot.
 *
 * Context: any.
 */
bool coalesce_tlbi_protection_only(unsigned long set, unsigned long clear)
{
	return cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI) && protection_only(set | clear);
}

/**
 * coalesce_tlbi_flush_pending() - Do every deferred flush now
 *
 * On return no CPU holds a TLB entry whose flush was deferred before the call.  Call
 * this before a page changes its memory type, encryption or presence: from then on a
 * stale alias is wrong even if no kernel code uses it.
 *
 * The initiator of a deferred flush set FLUSH_PENDING before the caller could know of
 * that flush (vmap_purge_lock).  So each state read here has FLUSH_PENDING, or a
 * completed flush has cleared it.  In mode always, FLUSH_ALWAYS does not count: it says
 * nothing about a deferred flush.
 *
 * Context: process context, interrupts enabled.  Does not sleep; waits for the CPUs to
 *	which it sends an IPI.
 */
void coalesce_tlbi_flush_pending(void)
{
	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		return;

	on_each_cpu_cond(has_flush_pending, coalesce_tlbi_flush_this_cpu, NULL, true);
}

/**
 * coalesce_tlbi_note_huge_change() - Report a huge mapping that was cleared or changed
 * @addr: an address in it
 * @size: its size in bytes: PMD_SIZE or PUD_SIZE
 *
 * Call this after a PMD or PUD leaf of the kernel was cleared or changed, and before the
 * range is flushed or put on a list of ranges to be flushed.  No flush of that range is
 * deferred until one has gone to every CPU.  Otherwise the range could be mapped by 4K
 * PTEs next while a CPU still holds the huge TLB entry, and two page sizes cached for
 * one address are undefined behaviour (AMD erratum 383).
 *
 * Context: any but NMI.
 */
void coalesce_tlbi_note_huge_change(unsigned long addr, unsigned long size)
{
	unsigned long start = addr & ~(size - 1), end = start + size, growth, least = ULONG_MAX;
	struct huge_change *range = NULL;
	unsigned long flags;
	unsigned int i;

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		return;

	raw_spin_lock_irqsave(&huge_changes_lock, flags);
	for (i = 0; i < nr_huge_changes; i++) {
		growth = max(end, huge_changes[i].end) - min(start, huge_changes[i].start) -
			 (huge_changes[i].end - huge_changes[i].start);
		if (growth < least) {
			least = growth;
			range = &huge_changes[i];
		}
	}
	if (least > size && nr_huge_changes < MAX_HUGE_CHANGES) {
		range = &huge_changes[nr_huge_changes++];
		*range = (struct huge_change) { .start = start, .end = end };
	}
	range->start = min(start, range->start);
	range->end = max(end, range->end);
	range->seq = ++huge_changes_seq;
	raw_spin_unlock_irqrestore(&huge_changes_lock, flags);
}

static bool cpu_defers(int cpu)
{
	return per_cpu(kernel_cr3_loaded, cpu).exit_state != KERNEL_CR3_LOADED;
}

/**
 * coalesce_tlbi_may_queue_work() - Check whether the vmalloc purge may queue work
 * @cpu: the CPU
 *
 * A work item would interrupt the CPU, after its flush was deferred to avoid that.
 *
 * Return: false for a CPU that defers.
 *
 * Context: any.
 */
bool coalesce_tlbi_may_queue_work(int cpu)
{
	return !cpu_defers(cpu);
}

/**
 * coalesce_tlbi_oops() - Set LOADED on this CPU after an oops
 *
 * An oops between the store of an exit hook and the next entry hook does not return
 * through a hook: the task dies where it is.  Until its next exit the CPU runs kernel
 * code and needs LOADED.
 *
 * Context: any.  Called after the oops is reported, before the task dies.
 */
void coalesce_tlbi_oops(void)
{
	atomic_long_t *state;
	unsigned long flags;

	raw_local_irq_save(flags);
	state = this_cpu_ptr(&kernel_cr3_loaded.state);
	if (atomic_long_read(state) != KERNEL_CR3_LOADED) {
		atomic_long_or(KERNEL_CR3_LOADED, state);
		__flush_tlb_all();
		atomic_long_set(state, KERNEL_CR3_LOADED);
	}
	raw_local_irq_restore(flags);
}

#ifdef CONFIG_COALESCE_TLBI_DEBUG
static void report(const char *what, long state, const void *ip)
{
	WARN_ONCE(1, "coalesce_tlbi: CPU %d: %s with state %ld, from %pS\n",
		  raw_smp_processor_id(), what, state, ip);
}

/**
 * coalesce_tlbi_assert_loaded() - Warn if C code runs without LOADED
 *
 * Called by the first and the last C code between an entry from user mode and the
 * return to it.  Detects an entry path without its hook, and an exit hook that stores
 * too early.
 *
 * Context: entry code, interrupts off; on the state of this CPU.
 */
noinstr void coalesce_tlbi_assert_loaded(void)
{
	long state = READ_ONCE(raw_cpu_ptr(&kernel_cr3_loaded)->state.counter);

	if (state == KERNEL_CR3_LOADED)
		return;
	instrumentation_begin();
	report("runs kernel code", state, NULL);
	instrumentation_end();
}

/* FRED's entry points are not in .entry.text: 256 bytes each, at fixed places. */
#ifdef CONFIG_X86_FRED
#define FRED_ENTRY_TEXT		((unsigned long)asm_fred_entrypoint_user)
#else
#define FRED_ENTRY_TEXT		0UL
#endif
#define FRED_ENTRY_SIZE		512

static __always_inline bool in_entry_text(unsigned long ip)
{
	if (IS_ENABLED(CONFIG_X86_FRED) && ip - FRED_ENTRY_TEXT < FRED_ENTRY_SIZE)
		return true;
	return ip >= (unsigned long)__entry_text_start && ip < (unsigned long)__entry_text_end;
}

/* Is @saved legal for the interrupted context?  Only user mode and entry text lack LOADED. */
static __always_inline bool may_lack_loaded(unsigned long saved, struct pt_regs *regs)
{
	return (saved & KERNEL_CR3_LOADED) || user_mode(regs) || in_entry_text(regs->ip);
}

/**
 * coalesce_tlbi_assert_interrupted() - The same after an entry from any context
 * @regs: the interrupted context
 *
 * Warns as well if kernel code other than entry text was interrupted without LOADED.
 *
 * Context: entry code from user or kernel mode, interrupts off.
 */
noinstr void coalesce_tlbi_assert_interrupted(struct pt_regs *regs)
{
	struct kernel_cr3_state *cr3 = raw_cpu_ptr(&kernel_cr3_loaded);

	coalesce_tlbi_assert_loaded();
	cr3->asserted++;
	if (may_lack_loaded(cr3->saved, regs))
		return;
	instrumentation_begin();
	report("was interrupted", cr3->saved, (void *)regs->ip);
	instrumentation_end();
}
#endif

static int coalesce_tlbi_show(struct seq_file *m, void *unused)
{
	int cpu;

	seq_printf(m, "mode %s\n", coalesce_tlbi_modes[coalesce_tlbi_mode]);
	seq_puts(m, "cpu deferred entry_flushes forced\n");
	for_each_online_cpu(cpu) {
		if (!cpu_defers(cpu))
			continue;
		seq_printf(m, "%d %lu %lu %lu\n", cpu,
			   atomic_long_read(&per_cpu(coalesce_tlbi_counters, cpu).deferred),
			   READ_ONCE(per_cpu(kernel_cr3_loaded, cpu).entry_flushes),
			   atomic_long_read(&per_cpu(coalesce_tlbi_counters, cpu).forced));
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(coalesce_tlbi);

static int __init coalesce_tlbi_debugfs(void)
{
	debugfs_create_file("coalesce_tlbi", 0400, arch_debugfs_dir, NULL, &coalesce_tlbi_fops);
	return 0;
}
late_initcall(coalesce_tlbi_debugfs);

/* Return the mode that @str names.  If there is none, warn and return the default. */
static enum coalesce_tlbi_mode parse_mode(const char *str)
{
	int mode = match_string(coalesce_tlbi_modes, ARRAY_SIZE(coalesce_tlbi_modes), str);

	if (mode >= 0)
		return mode;

	pr_warn("unknown value '%s' (always, pending, off), using %s\n", str,
		coalesce_tlbi_modes[COALESCE_TLBI_ALWAYS]);
	return COALESCE_TLBI_ALWAYS;
}

static int __init coalesce_tlbi_setup(char *str)
{
	coalesce_tlbi_mode = parse_mode(str ?: "");
	return 0;
}
early_param("coalesce_tlbi", coalesce_tlbi_setup);

static const char * __init reason_for_off(void)
{
	if (coalesce_tlbi_mode == COALESCE_TLBI_OFF)
		return "coalesce_tlbi=off";
	if (!tick_nohz_full_enabled() || cpumask_empty(tick_nohz_full_mask))
		return "no CPU is isolated by nohz_full=";
	if (boot_cpu_has(X86_FEATURE_XENPV))
		return "Xen PV guests enter and leave the kernel by other paths";
	if (!boot_cpu_has(X86_FEATURE_PGE))
		return "the CPU has no global pages (PGE), which the entry flush needs";
	return NULL;
}

/**
 * coalesce_tlbi_init() - Decide whether and where flushes are deferred
 * @cr4_mask: bits of CR4 that no write may change, cr4_pinned_mask
 * @pinned_cr4: those of them that are set, cr4_pinned_bits
 *
 * Runs on the boot CPU after tick_init(), which finishes the nohz_full= mask, and
 * before alternatives are applied.  Until they are, every hook is skipped by its jump
 * and every state is LOADED.
 *
 * Context: boot, one CPU, no user mode yet.
 */
void __init coalesce_tlbi_init(unsigned long cr4_mask, unsigned long pinned_cr4)
{
	const char *reason = reason_for_off();
	unsigned long exit_state = 0;
	int cpu;

	coalesce_tlbi_unpinned_cr4 = ~cr4_mask;
	coalesce_tlbi_pinned_cr4 = pinned_cr4;
	if (reason) {
		coalesce_tlbi_mode = COALESCE_TLBI_OFF;
		pr_info("off: %s\n", reason);
		return;
	}

	if (coalesce_tlbi_mode == COALESCE_TLBI_ALWAYS)
		exit_state = KERNEL_CR3_FLUSH_ALWAYS;
	for_each_cpu_and(cpu, tick_nohz_full_mask, cpu_possible_mask)
		per_cpu(kernel_cr3_loaded, cpu).exit_state = exit_state;

	/* Earlier huge changes were not noted, so the first flush goes to every CPU. */
	huge_changes[0].end = TLB_FLUSH_ALL;
	nr_huge_changes = 1;

	setup_force_cpu_cap(X86_FEATURE_COALESCE_TLBI);
	if (!cpu_mitigations_off())
		setup_force_cpu_cap(X86_FEATURE_COALESCE_TLBI_FENCE);
	pr_info("%s: kernel TLB flushes are deferred while CPUs %*pbl run user mode\n",
		coalesce_tlbi_modes[coalesce_tlbi_mode], cpumask_pr_args(tick_nohz_full_mask));
}

#ifdef CONFIG_COALESCE_TLBI_KUNIT_TEST
#include "coalesce_tlbi_test.c"
#endif
