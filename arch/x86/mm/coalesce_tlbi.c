// SPDX-License-Identifier: GPL-2.0
/*
 * Defer flushes of kernel translations on CPUs that run user mode.
 *
 * A CPU in user mode cannot use a kernel translation.  A flush for one need not
 * interrupt it, if it flushes by itself before it runs kernel code that could
 * follow a pointer.  asm/coalesce_tlbi.h has the per-CPU word and what the
 * entry code does with it; this file has the initiator.
 *
 * Why no flush is lost
 * --------------------
 * Three parties run at the same time: an initiator, which cleared page-table
 * entries and wants them forgotten; the target, whose entry hook runs before
 * anything that could use them; and the target's page walker, which may fill
 * its TLB from any present entry at any moment, speculatively, in user mode
 * too.
 *
 *	initiator				target, entering the kernel
 *	------				---------------------------
 *	clear the entries
 *	smp_mb()			lock or LOADED, word	full barrier
 *	read the word			read FLUSH_PENDING
 *	  LOADED: interrupt, wait	  set: flush, word = LOADED
 *	  else:   FLUSH_PENDING by cmpxchg	follow pointers
 *
 * Every clear that a flush covers happens before the call: on the same CPU, or
 * ordered by vmalloc's locks (that of the areas which are to be purged, vmap_block's
 * lock, vmap_purge_lock) when one CPU flushes what others cleared.  So it happens
 * before the smp_mb() here.
 *
 * - The initiator sees LOADED.  It interrupts and waits, as without this file.
 *
 * - The initiator does not.  Its access to the word, the cmpxchg or the read that
 *   found FLUSH_PENDING, then comes before the target's locked OR in the coherence order
 *   of the word, and finds or leaves FLUSH_PENDING there, which only a completed flush
 *   removes.  The clears come before that access.  The flush comes after the
 *   locked OR.  So every page walk that starts after the flush finds the
 *   entries cleared, and whatever an earlier walk put into the TLB is removed by
 *   the flush.  The locked OR does not order page walks; the flush does, as a
 *   write to CR4 is serialising (SDM vol. 3, "Serializing Instructions").
 *
 * - A second initiator finds FLUSH_PENDING set and adds nothing.  The flush it relies on
 *   has not begun: FLUSH_PENDING without LOADED says the target has not entered.
 *
 * What the barriers are for, each by what happens without it:
 *
 *   smp_mb()    The clear waits in the initiator's store buffer while it reads a
 *               user-mode word whose owner enters, flushes, and walks to the
 *               old entry again; then the clear lands.
 *   locked OR   As a plain store it waits in the target's store buffer.  The
 *               initiator reads "user mode" and sets FLUSH_PENDING, the store overwrites
 *               that, and the flush is lost.
 *   flush, then word = LOADED
 *               With the two exchanged, an NMI in between finds LOADED and runs
 *               on stale entries.
 *
 * An interrupt that was sent because the target was in the kernel may reach it
 * after it has left again.  That costs the target one interruption and nothing
 * else: the handler flushes as ever.
 *
 * User mode does use one kind of kernel translation: that of the LDT, which can
 * be vmalloc memory, when it loads a segment register.  LDTR is loaded by the
 * kernel alone, after the entry hook of that CPU (an interrupt of flush_ldt(), a
 * switch of mm), so with a translation that was right then; and an LDT is freed
 * only after every CPU of its mm has left it.  The other tables that the CPU
 * reads by itself (GDT, IDT, TSS, debug store) are in the cpu_entry_area.
 *
 * What may be deferred is the caller's to argue; the rules stand at
 * flush_tlb_kernel_range_deferrable() in arch/x86/mm/tlb.c, and for what is no
 * flush at on_each_cpu_in_kernel().
 */
#define pr_fmt(fmt) "coalesce_tlbi: " fmt

#include <linux/coalesce_tlbi.h>
#include <linux/cpufeature.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/tick.h>

#include <asm/coalesce_tlbi.h>
#include <asm/ptrace.h>
#include <asm/sections.h>
#include <asm/setup.h>
#include <asm/tlbflush.h>

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

/**
 * struct coalesce_tlbi_counters - what initiators spared or asked of one CPU
 * @deferred: interrupts that were not sent to it
 * @forced: interrupts sent because it had a flush pending that could not wait
 *
 * Written by any CPU, hence atomic and not in the line the entry code reads.
 */
struct coalesce_tlbi_counters {
	atomic_long_t	deferred;
	atomic_long_t	forced;
};

static DEFINE_PER_CPU_SHARED_ALIGNED(struct coalesce_tlbi_counters, coalesce_tlbi_counters);

/* What the initiator on this CPU asks for; the range is 0 to 0 if it has none. */
struct coalesce_tlbi_request {
	unsigned long	start;
	unsigned long	end;
	unsigned long	caller;
};

static DEFINE_PER_CPU(struct coalesce_tlbi_request, coalesce_tlbi_request);

/*
 * Unmaps and changes of leaves larger than 4K so far, and how many of them are
 * covered by a flush that has reached every CPU.  They differ while one is not.
 */
static atomic_long_t huge_changes;
static atomic_long_t huge_changes_flushed;

/*
 * Decide for one target, by its word: true if it has to be interrupted, false
 * if the flush is now pending.  The order of the caller's clears before the access
 * to the word is the caller's smp_mb().
 */
static __always_inline bool state_needs_ipi(atomic_long_t *word)
{
	long old = atomic_long_read(word);

	do {
		if (old & KERNEL_CR3_LOADED)
			return true;
		if (old & KERNEL_CR3_FLUSH_PENDING)
			return false;
	} while (!atomic_long_try_cmpxchg(word, &old, KERNEL_CR3_FLUSH_PENDING));

	return false;
}

/*
 * Can an initiator find this word on another CPU?  Not if that CPU never defers and
 * has lost LOADED, nor if it owes a flush whenever it is in user mode and does not.
 */
static bool legal_state(long word, unsigned long exit_state)
{
	if (word & ~(long)(KERNEL_CR3_LOADED | KERNEL_CR3_FLUSH_PENDING))
		return false;
	if (exit_state == KERNEL_CR3_LOADED)
		return word == KERNEL_CR3_LOADED;
	return exit_state != KERNEL_CR3_FLUSH_PENDING || word;
}

static void assert_legal_state(int cpu)
{
	struct kernel_cr3_state *state = &per_cpu(kernel_cr3_loaded, cpu);
	long word;

	if (!IS_ENABLED(CONFIG_COALESCE_TLBI_DEBUG))
		return;
	word = atomic_long_read(&state->state);
	WARN_ONCE(!legal_state(word, state->exit_state),
		  "coalesce_tlbi: CPU %d: impossible word %ld\n", cpu, word);
}

/* Apart, so that what an initiator pays for each CPU that it spares stays small. */
static noinline void trace_deferral(int cpu)
{
	struct coalesce_tlbi_request *req = this_cpu_ptr(&coalesce_tlbi_request);

	trace_coalesce_tlbi_defer(cpu, req->start, req->end, req->caller);
}

/* Predicate of on_each_cpu_cond(); asked on the initiator, preemption off. */
static bool needs_ipi_now(int cpu, void *info)
{
	assert_legal_state(cpu);
	if (cpu == smp_processor_id())
		return true;
	if (state_needs_ipi(&per_cpu(kernel_cr3_loaded, cpu).state))
		return true;

	atomic_long_inc(&per_cpu(coalesce_tlbi_counters, cpu).deferred);
	if (trace_coalesce_tlbi_defer_enabled())
		trace_deferral(cpu);
	return false;
}

/* The same for an initiator that does not call itself. */
static bool other_needs_ipi_now(int cpu, void *info)
{
	return cpu != smp_processor_id() && needs_ipi_now(cpu, info);
}

/* Predicate: has this CPU an unfinished flush?  The local CPU never has. */
static bool has_flush_pending(int cpu, void *info)
{
	if (!(atomic_long_read(&per_cpu(kernel_cr3_loaded, cpu).state) & KERNEL_CR3_FLUSH_PENDING))
		return false;

	atomic_long_inc(&per_cpu(coalesce_tlbi_counters, cpu).forced);
	return true;
}

/*
 * The one place that asks the predicate, with the barrier before it, so that no
 * initiator can have the one without the other.
 */
static void call_or_defer(smp_cond_func_t needs_interrupt, smp_call_func_t func, void *info,
			  unsigned long start, unsigned long end, unsigned long caller)
{
	preempt_disable();
	this_cpu_write(coalesce_tlbi_request.start, start);
	this_cpu_write(coalesce_tlbi_request.end, end);
	this_cpu_write(coalesce_tlbi_request.caller, caller);

	/* Pairs with the locked OR in COALESCE_TLBI_LOAD: see the top. */
	smp_mb();
	on_each_cpu_cond(needs_interrupt, func, info, true);
	preempt_enable();
}

/**
 * __coalesce_tlbi_call() - Run a flush now where kernel code may run
 * @func: the flush; runs with interrupts off on the CPUs that need it now, the
 *	local one included
 * @info: its argument
 * @start: first byte of the range, for the tracepoint
 * @end: first byte after the range, for the tracepoint
 * @caller: return address of the request, for the tracepoint
 *
 * On return every CPU has run @func or will flush everything before it next runs
 * kernel code that could use what was cleared.  The ordering argument is at the
 * top of this file.
 *
 * Context: process context, interrupts enabled, preemption on or off.  Does not
 *	sleep; waits for the CPUs it interrupts.
 */
void __coalesce_tlbi_call(smp_call_func_t func, void *info, unsigned long start,
			  unsigned long end, unsigned long caller)
{
	if (cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		call_or_defer(needs_ipi_now, func, info, start, end, caller);
	else
		on_each_cpu(func, info, true);
}

/**
 * on_each_cpu_in_kernel() - Synchronise every CPU that may run kernel code
 * @func: runs with interrupts off on each CPU that is not known to be in user
 *	mode, the local one included
 * @info: its argument
 *
 * On return every CPU has run @func, or is in user mode and will, before it runs
 * kernel code other than that of entry, pass a full barrier, then flush its whole
 * TLB by a write to CR4, which serialises it.  So only a caller for which all of
 * this holds may use it:
 *
 *  - @func does nothing, or some of these: a barrier, a serialising instruction,
 *    a flush of kernel translations that the rules at
 *    flush_tlb_kernel_range_deferrable() allow.  By doing nothing it waits until
 *    the target has interrupts enabled, or is in user mode.  It counts nothing and
 *    answers nothing, since it may never run on a CPU.  What it reads may be on
 *    the caller's stack: a CPU that is spared does not run it later.
 *  - What the caller changes is used by kernel code after the entry hook only:
 *    never by user mode, and never by the entry code before the hook or the exit
 *    code after the store.
 *
 * What the caller wrote before the call is seen by that kernel code: the argument
 * at the top of this file has it with "write" for "clear".  And everything that
 * the CPU did in the kernel before it left is done, since its exit store comes
 * after that in program order, and x86 lets no load and no ordinary store pass a
 * later store.
 *
 * Context: process context, interrupts enabled (or early boot), preemption on or
 *	off.  Does not sleep; waits for the CPUs it interrupts.
 */
void on_each_cpu_in_kernel(smp_call_func_t func, void *info)
{
	if (cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		call_or_defer(needs_ipi_now, func, info, 0, 0, _RET_IP_);
	else
		on_each_cpu(func, info, true);
}

/**
 * smp_call_function_in_kernel() - Synchronise the others that may run kernel code
 * @func: as for on_each_cpu_in_kernel(); does not run on the local CPU
 * @info: its argument
 *
 * Context: as on_each_cpu_in_kernel().
 */
void smp_call_function_in_kernel(smp_call_func_t func, void *info)
{
	if (cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		call_or_defer(other_needs_ipi_now, func, info, 0, 0, _RET_IP_);
	else
		smp_call_function(func, info, true);
}

static bool protection_only(unsigned long bits)
{
	return bits && !(bits & ~(_PAGE_RW | _PAGE_DIRTY | _PAGE_NX));
}

/**
 * coalesce_tlbi_protection_only() - May the flush for a change be deferred?
 * @set: bits that a change of page attributes sets
 * @clear: bits that it clears
 *
 * Write and execute permission, and the dirty bit that goes with the first, say
 * what kernel code may do with a page.  Any other bit says what the page is:
 * memory type, encryption, presence.
 *
 * Return: true if at least one bit is given, all are of the first kind, and
 *	anything is deferred in this boot.
 *
 * Context: any.
 */
bool coalesce_tlbi_protection_only(unsigned long set, unsigned long clear)
{
	return cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI) && protection_only(set | clear);
}

static void flush_this_cpu(void *unused)
{
	__flush_tlb_all();
}

/**
 * coalesce_tlbi_flush_pending() - Finish every flush that was deferred
 *
 * On return no CPU holds an entry whose flush was deferred before the call.  To
 * be called where a page is about to change its memory type, encryption or
 * presence: an alias that only user mode could not use is an alias then.
 *
 * Whoever deferred those flushes set FLUSH_PENDING before the caller could know of it
 * (vmap_purge_lock), so the words read here have FLUSH_PENDING or had it removed by a
 * completed flush.  In mode always a CPU in user mode owes a flush at any time
 * and is interrupted by every call.
 *
 * Context: process context, interrupts enabled.  Waits for the CPUs it
 *	interrupts.
 */
void coalesce_tlbi_flush_pending(void)
{
	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		return;

	on_each_cpu_cond(has_flush_pending, flush_this_cpu, NULL, true);
}

/**
 * coalesce_tlbi_note_huge_change() - Tell that a leaf larger than 4K was changed
 *
 * To be called after a kernel page-table leaf larger than 4K was cleared or
 * changed, and before the flush for it, or a list that leads to one, can be
 * reached.  No flush is deferred until one has gone to every CPU: the range may be
 * mapped with 4K pages next, and a CPU that kept the large entry meanwhile could
 * hold both sizes for one address, for which the result is undefined (AMD erratum
 * 383).
 *
 * Context: any.
 */
void coalesce_tlbi_note_huge_change(void)
{
	atomic_long_inc(&huge_changes);
}

/**
 * flush_huge_changes() - Flush at once what must not be deferred
 *
 * Leaves larger than 4K are counted when they are cleared or changed.  If any is
 * not covered by a flush of every CPU, that flush is done here; it covers all
 * that was cleared before, so the caller's range too.
 *
 * One number and not a flag, because clearing and flushing are not under one
 * lock: a flag that one flusher takes down before its flush has finished would
 * tell a second one that nothing is outstanding.
 *
 * Return: true if everything was flushed on every CPU, false if the caller may
 *	defer its flush.
 *
 * Context: process context, interrupts enabled.  Waits for all CPUs if it
 *	flushes.
 */
bool flush_huge_changes(void)
{
	long seen = atomic_long_read(&huge_changes);
	long flushed = atomic_long_read(&huge_changes_flushed);

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		return false;
	if (flushed - seen >= 0)
		return false;

	flush_tlb_all();

	while (flushed - seen < 0 &&
	       !atomic_long_try_cmpxchg(&huge_changes_flushed, &flushed, seen))
		;
	return true;
}

static bool cpu_defers(int cpu)
{
	return per_cpu(kernel_cr3_loaded, cpu).exit_state != KERNEL_CR3_LOADED;
}

/**
 * coalesce_tlbi_may_queue_work() - May the vmalloc purge wake this CPU?
 * @cpu: the CPU
 *
 * A purge that queues a helper there would interrupt it for certain, after
 * its flush was deferred to leave it alone.
 *
 * Return: false for a CPU whose flushes are deferred.
 *
 * Context: any.
 */
bool coalesce_tlbi_may_queue_work(int cpu)
{
	return !cpu_defers(cpu);
}

/**
 * coalesce_tlbi_oops() - Put this CPU's word right after an oops
 *
 * An oops between an exit store and the next entry hook is not returned from
 * through a hook: the task is made dead from wherever it was.  Until its next
 * exit the CPU must count as in the kernel.
 *
 * Context: any.  Called once the oops is reported, before the task dies.
 */
void coalesce_tlbi_oops(void)
{
	atomic_long_t *word;
	unsigned long flags;

	raw_local_irq_save(flags);
	word = this_cpu_ptr(&kernel_cr3_loaded.state);
	if (atomic_long_read(word) != KERNEL_CR3_LOADED) {
		atomic_long_or(KERNEL_CR3_LOADED, word);
		__flush_tlb_all();
		atomic_long_set(word, KERNEL_CR3_LOADED);
	}
	raw_local_irq_restore(flags);
}

#ifdef CONFIG_COALESCE_TLBI_DEBUG
static void report(const char *what, long word, const void *ip)
{
	WARN_ONCE(1, "coalesce_tlbi: CPU %d: %s with word %ld, from %pS\n",
		  raw_smp_processor_id(), what, word, ip);
}

/**
 * coalesce_tlbi_assert_loaded() - Complain if C code runs without LOADED
 *
 * The first and the last C code between an entry from user mode and the way back.
 * An entry path without its hook, or a store that comes too early, shows here.
 *
 * Context: entry code, interrupts off; on the CPU's own word.
 */
noinstr void coalesce_tlbi_assert_loaded(void)
{
	long word = READ_ONCE(raw_cpu_ptr(&kernel_cr3_loaded)->state.counter);

	if (word == KERNEL_CR3_LOADED)
		return;
	instrumentation_begin();
	report("runs kernel code", word, NULL);
	instrumentation_end();
}

static __always_inline bool in_entry_text(unsigned long ip)
{
	return ip >= (unsigned long)__entry_text_start && ip < (unsigned long)__entry_text_end;
}

/**
 * coalesce_tlbi_assert_interrupted() - The same for what can interrupt the kernel
 * @regs: what was interrupted
 *
 * Beyond that: kernel code that was interrupted without LOADED is entry text, in one
 * of its windows.
 *
 * Context: entry code from user or kernel mode, interrupts off.
 */
noinstr void coalesce_tlbi_assert_interrupted(struct pt_regs *regs)
{
	unsigned long saved = raw_cpu_ptr(&kernel_cr3_loaded)->saved;

	coalesce_tlbi_assert_loaded();
	if ((saved & KERNEL_CR3_LOADED) || user_mode(regs) || in_entry_text(regs->ip))
		return;
	instrumentation_begin();
	report("was interrupted", saved, (void *)regs->ip);
	instrumentation_end();
}
#endif

/**
 * coalesce_tlbi_show_interrupts() - Print the CTI row of /proc/interrupts
 * @p: the file
 * @prec: width of the first column
 *
 * Interrupts that were not sent, by CPU that did not get them.  Nothing is
 * printed where nothing can be deferred.
 *
 * Context: process context.
 */
void coalesce_tlbi_show_interrupts(struct seq_file *p, int prec)
{
	int cpu;

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		return;

	seq_printf(p, "%*s: ", prec, "CTI");
	for_each_online_cpu(cpu)
		seq_printf(p, "%10lu ",
			   atomic_long_read(&per_cpu(coalesce_tlbi_counters, cpu).deferred));
	seq_puts(p, "  Kernel synchronisation interrupts not sent\n");
}

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

/* The mode that @str names, or the default and a line in the log. */
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
		return "the CPU has no global pages (PGE), by which entry flushes";
	return NULL;
}

/**
 * coalesce_tlbi_init() - Decide whether and where flushes are deferred
 *
 * Runs on the boot CPU after tick_init(), which fixes the nohz_full= mask, and
 * before alternatives are applied.  Until they are, every hook is a jump over
 * itself and every word stays LOADED.
 *
 * Context: boot, one CPU, no user mode yet.
 */
void __init coalesce_tlbi_init(void)
{
	const char *reason = reason_for_off();
	unsigned long exit_state = 0;
	int cpu;

	if (reason) {
		coalesce_tlbi_mode = COALESCE_TLBI_OFF;
		pr_info("off: %s\n", reason);
		return;
	}

	if (coalesce_tlbi_mode == COALESCE_TLBI_ALWAYS)
		exit_state = KERNEL_CR3_FLUSH_PENDING;
	for_each_cpu_and(cpu, tick_nohz_full_mask, cpu_possible_mask)
		per_cpu(kernel_cr3_loaded, cpu).exit_state = exit_state;

	setup_force_cpu_cap(X86_FEATURE_COALESCE_TLBI);
	pr_info("%s: kernel TLB flushes are deferred while CPUs %*pbl run user mode\n",
		coalesce_tlbi_modes[coalesce_tlbi_mode], cpumask_pr_args(tick_nohz_full_mask));
}

#ifdef CONFIG_COALESCE_TLBI_KUNIT_TEST
#include "coalesce_tlbi_test.c"
#endif
