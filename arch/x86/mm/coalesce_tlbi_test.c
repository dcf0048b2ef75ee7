// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of COALESCE_TLBI, included by coalesce_tlbi.c.
 *
 * The hooks of the entry code run here as functions (coalesce_tlbi_test_hooks.S), with
 * interrupts off, on a state of their own.  So no initiator and no NMI sees a state that
 * the CPU is not in, and the debug assertions hold.
 */
#include <kunit/test.h>
#include <linux/hw_breakpoint.h>
#include <linux/io.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

#include "coalesce_tlbi_test.h"

#define USER		0L
#define FLUSH_PENDING	((long)KERNEL_CR3_FLUSH_PENDING)
#define FLUSH_ALWAYS	((long)KERNEL_CR3_FLUSH_ALWAYS)
#define LOADED		((long)KERNEL_CR3_LOADED)
#define STATES		8	/* every combination of these */

DEFINE_PER_CPU_ALIGNED(struct kernel_cr3_state, coalesce_tlbi_test_cr3);

struct hook_result {
	unsigned long	saved;		/* the old state that the paranoid entry kept */
	long		inside;		/* state after the entry hook */
	long		after;		/* state after the exit hook */
	unsigned long	flushes;	/* by the hooks */
};

/* Run the hooks from @state with @exit_state. */
static struct hook_result run_hooks(long state, unsigned long exit_state, bool paranoid)
{
	struct kernel_cr3_state *cr3;
	struct hook_result res = {};
	unsigned long flags;

	raw_local_irq_save(flags);
	cr3 = this_cpu_ptr(&coalesce_tlbi_test_cr3);
	cr3->exit_state = exit_state;
	cr3->entry_flushes = 0;
	atomic_long_set(&cr3->state, state);
	if (paranoid)
		res.saved = coalesce_tlbi_test_paranoid_enter();
	else
		coalesce_tlbi_test_enter();
	res.inside = atomic_long_read(&cr3->state);
	if (paranoid)
		coalesce_tlbi_test_paranoid_exit(res.saved);
	else
		coalesce_tlbi_test_exit();
	res.after = atomic_long_read(&cr3->state);
	res.flushes = READ_ONCE(cr3->entry_flushes);
	raw_local_irq_restore(flags);
	return res;
}

static unsigned long expected_flushes(long state)
{
	return state & KERNEL_CR3_FLUSH ? 1 : 0;
}

/* From every state the hook goes to LOADED, and flushes only if a flush is due. */
static void test_enter(struct kunit *test)
{
	long state;

	for (state = 0; state < STATES; state++) {
		struct hook_result res = run_hooks(state, USER, false);

		KUNIT_EXPECT_EQ_MSG(test, res.inside, LOADED, "from state %ld", state);
		KUNIT_EXPECT_EQ_MSG(test, res.flushes, expected_flushes(state),
				    "from state %ld", state);
	}
}

/* The exit hook stores exit_state, and nothing on a housekeeping CPU. */
static void test_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, run_hooks(LOADED, USER, false).after, USER);
	KUNIT_EXPECT_EQ(test, run_hooks(LOADED, FLUSH_ALWAYS, false).after, FLUSH_ALWAYS);
	KUNIT_EXPECT_EQ(test, run_hooks(LOADED, LOADED, false).after, LOADED);
}

/*
 * The handler runs with LOADED and after the flush, whatever it interrupted.  If the
 * interrupted context had LOADED, it keeps it: an entry in progress that loses LOADED
 * is a lost flush.
 */
static void test_paranoid(struct kunit *test)
{
	const long exit_states[] = { USER, FLUSH_ALWAYS };
	long state;
	int j;

	for (state = 0; state < STATES; state++) {
		for (j = 0; j < ARRAY_SIZE(exit_states); j++) {
			struct hook_result res = run_hooks(state, exit_states[j], true);
			long expect = state & LOADED ? LOADED : exit_states[j];

			KUNIT_EXPECT_EQ_MSG(test, res.saved, (unsigned long)state,
					    "from state %ld", state);
			KUNIT_EXPECT_EQ_MSG(test, res.inside, LOADED, "from state %ld", state);
			KUNIT_EXPECT_EQ_MSG(test, res.after, expect,
					    "from state %ld, exit state %ld",
					    state, exit_states[j]);
			KUNIT_EXPECT_EQ_MSG(test, res.flushes, expected_flushes(state),
					    "from state %ld", state);
		}
	}
}

/*
 * The flush keeps what is pinned, whatever the shadow of CR4 says: SMAP is pinned set,
 * and FSGSBASE as well, or clear with nofsgsbase.
 */
static void test_pinned_cr4(struct kunit *test)
{
	struct kernel_cr3_state *cr3;
	unsigned long flags, shadow, cr4;

	if (!boot_cpu_has(X86_FEATURE_SMAP))
		kunit_skip(test, "needs SMAP");

	raw_local_irq_save(flags);
	cr3 = this_cpu_ptr(&coalesce_tlbi_test_cr3);
	shadow = this_cpu_read(cpu_tlbstate.cr4);
	this_cpu_write(cpu_tlbstate.cr4, shadow ^ X86_CR4_SMAP ^ X86_CR4_FSGSBASE);
	atomic_long_set(&cr3->state, FLUSH_PENDING);
	coalesce_tlbi_test_enter();
	cr4 = native_read_cr4();
	this_cpu_write(cpu_tlbstate.cr4, shadow);
	native_write_cr4(shadow);
	raw_local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, cr4, shadow);
	KUNIT_EXPECT_TRUE(test, coalesce_tlbi_pinned_cr4 & X86_CR4_SMAP);
	KUNIT_EXPECT_FALSE(test, coalesce_tlbi_unpinned_cr4 & X86_CR4_SMAP);
}

static bool has_lfence(const void *start, const void *end)
{
	static const u8 lfence[] = { 0x0f, 0xae, 0xe8 };
	const u8 *p;

	for (p = start; p + sizeof(lfence) <= (const u8 *)end; p++)
		if (!memcmp(p, lfence, sizeof(lfence)))
			return true;
	return false;
}

/* The entry hooks have their LFENCE if some CPU defers, unless mitigations are off. */
static void test_fence(struct kunit *test)
{
	const bool on = cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI) && !cpu_mitigations_off();

	KUNIT_EXPECT_EQ(test, has_lfence(coalesce_tlbi_test_enter, coalesce_tlbi_test_exit), on);
	KUNIT_EXPECT_EQ(test, has_lfence(coalesce_tlbi_test_paranoid_enter,
					 coalesce_tlbi_test_paranoid_exit), on);
	KUNIT_EXPECT_FALSE(test, has_lfence(coalesce_tlbi_test_exit,
					    coalesce_tlbi_test_paranoid_enter));
}

/* The states that an initiator may find, by exit_state of the CPU. */
static void test_legal_state(struct kunit *test)
{
	const long exit_states[] = { USER, FLUSH_ALWAYS, LOADED };
	const bool legal[STATES][ARRAY_SIZE(exit_states)] = {
		[USER]						= { true,  false, false },
		[LOADED]					= { true,  true,  true },
		[FLUSH_PENDING]					= { true,  false, false },
		[LOADED | FLUSH_PENDING]			= { true,  false, false },
		[FLUSH_ALWAYS]					= { false, true,  false },
		[LOADED | FLUSH_ALWAYS]				= { false, true,  false },
		[FLUSH_PENDING | FLUSH_ALWAYS]			= { false, true,  false },
		[LOADED | FLUSH_PENDING | FLUSH_ALWAYS]		= { false, true,  false },
	};
	long state;
	int j;

	for (j = 0; j < ARRAY_SIZE(exit_states); j++) {
		for (state = 0; state < STATES; state++)
			KUNIT_EXPECT_EQ_MSG(test, legal_state(state, exit_states[j]),
					    legal[state][j], "state %ld, exit state %ld",
					    state, exit_states[j]);
		KUNIT_EXPECT_FALSE(test, legal_state(STATES, exit_states[j]));
		KUNIT_EXPECT_FALSE(test, legal_state(-1, exit_states[j]));
	}
}

/* A flush is deferred on a CPU without LOADED, and FLUSH_PENDING is set there. */
static void test_predicate(struct kunit *test)
{
	long state;

	for (state = 0; state < STATES; state++) {
		atomic_long_t cr3 = ATOMIC_LONG_INIT(state);

		KUNIT_EXPECT_EQ_MSG(test, state_needs_ipi(&cr3), !!(state & LOADED),
				    "state %ld", state);
		KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&cr3),
				    state & LOADED ? state : state | FLUSH_PENDING,
				    "state %ld", state);
	}
}

/* The local CPU always flushes, is not counted, and has no flush pending. */
static void test_predicate_local(struct kunit *test)
{
	struct coalesce_tlbi_counters *counters;
	bool ipi, pending;
	long before, after;
	int cpu = get_cpu();

	counters = &per_cpu(coalesce_tlbi_counters, cpu);
	before = atomic_long_read(&counters->deferred) + atomic_long_read(&counters->forced);
	ipi = needs_ipi_now(cpu, NULL);
	pending = has_flush_pending(cpu, NULL);
	after = atomic_long_read(&counters->deferred) + atomic_long_read(&counters->forced);
	put_cpu();

	KUNIT_EXPECT_TRUE(test, ipi);
	KUNIT_EXPECT_FALSE(test, pending);
	KUNIT_EXPECT_EQ(test, before, after);
}

/* Only permission bits are deferrable: not an empty change, not memory type or presence. */
static void test_protection_only(struct kunit *test)
{
	const unsigned long others[] = {
		_PAGE_PRESENT, _PAGE_USER, _PAGE_PWT, _PAGE_PCD, _PAGE_ACCESSED, _PAGE_PSE,
		_PAGE_GLOBAL, _PAGE_PAT_LARGE, _PAGE_SOFTW1, BIT(47), BIT(51),
	};
	int i;

	KUNIT_EXPECT_FALSE(test, protection_only(0));
	KUNIT_EXPECT_TRUE(test, protection_only(_PAGE_RW));
	KUNIT_EXPECT_TRUE(test, protection_only(_PAGE_NX));
	KUNIT_EXPECT_TRUE(test, protection_only(_PAGE_RW | _PAGE_DIRTY | _PAGE_NX));
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		KUNIT_EXPECT_FALSE_MSG(test, protection_only(others[i]),
				       "bits %#lx", others[i]);
		KUNIT_EXPECT_FALSE_MSG(test, protection_only(others[i] | _PAGE_RW),
				       "bits %#lx", others[i] | _PAGE_RW);
	}
	KUNIT_EXPECT_EQ(test, coalesce_tlbi_protection_only(_PAGE_RW, 0),
			cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI));
}

/* A request with the CPUs that its IPI callback ran on */
struct noted_request {
	struct coalesce_tlbi_request	req;
	struct cpumask			*cpus;
};

static void note_cpu(void *info)
{
	struct noted_request *noted = container_of(info, struct noted_request, req);

	cpumask_set_cpu(raw_smp_processor_id(), noted->cpus);
}

/*
 * The callback runs on every CPU that does not defer, and on the local CPU only if
 * the predicate includes it.
 */
static void test_in_kernel(struct kunit *test)
{
	struct noted_request with = {}, without = {};
	int cpu, here;

	with.cpus = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	without.cpus = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, with.cpus);
	KUNIT_ASSERT_NOT_NULL(test, without.cpus);

	cpus_read_lock();
	here = get_cpu();
	call_or_defer(needs_ipi_now, note_cpu, &with.req);
	call_or_defer(other_needs_ipi_now, note_cpu, &without.req);
	put_cpu();
	KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(here, with.cpus));
	KUNIT_EXPECT_FALSE(test, cpumask_test_cpu(here, without.cpus));
	for_each_online_cpu(cpu) {
		if (cpu == here || cpu_defers(cpu))
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, cpumask_test_cpu(cpu, with.cpus), "CPU %d", cpu);
		KUNIT_EXPECT_TRUE_MSG(test, cpumask_test_cpu(cpu, without.cpus), "CPU %d", cpu);
	}
	cpus_read_unlock();
}

/* A page near the end of vmalloc memory, where nothing is mapped */
#define NOWHERE		((VMALLOC_END & PUD_MASK) - PUD_SIZE)

/* Otherwise nothing is noted. */
static void skip_unless_deferring(struct kunit *test)
{
	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		kunit_skip(test, "needs nohz_full=");
}

static bool is_uncovered(unsigned long start, unsigned long size)
{
	unsigned long seq;

	return overlaps_huge_change(start, start + size, &seq);
}

/*
 * Read a page through @mem, change the page-table entry, flush @start to @end, read
 * again.  Preemption is off and nothing else flushes meanwhile, so the old TLB entry
 * stays unless the function flushes it.
 */
static unsigned long read_after_flush(unsigned long *mem, pte_t *pte, struct page *page,
				      unsigned long start, unsigned long end)
{
	pte_t was = *pte;
	unsigned long seen;

	flush_huge_changes(start, end);
	preempt_disable();
	READ_ONCE(*mem);
	set_pte(pte, mk_pte(page, PAGE_KERNEL));
	flush_tlb_kernel_range_deferrable(start, end);
	seen = READ_ONCE(*mem);
	set_pte(pte, was);
	flush_tlb_kernel_range((unsigned long)mem, (unsigned long)mem + PAGE_SIZE);
	preempt_enable();
	return seen;
}

/* The initiator flushes its own TLB, by page and as a whole. */
static void test_initiator(struct kunit *test)
{
	struct page *pages[2] = { alloc_page(GFP_KERNEL), alloc_page(GFP_KERNEL) };
	unsigned long *mem = NULL, range = 0, all = 0;
	unsigned int level;
	pte_t *pte = NULL;

	if (pages[0] && pages[1])
		mem = vmap(pages, 1, VM_MAP, PAGE_KERNEL);
	if (mem)
		pte = lookup_address((unsigned long)mem, &level);
	if (pte) {
		WRITE_ONCE(*(unsigned long *)page_address(pages[0]), 1);
		WRITE_ONCE(*(unsigned long *)page_address(pages[1]), 2);
		range = read_after_flush(mem, pte, pages[1], (unsigned long)mem,
					 (unsigned long)mem + PAGE_SIZE);
		all = read_after_flush(mem, pte, pages[1], 0, TLB_FLUSH_ALL);
	}
	vunmap(mem);
	if (pages[0])
		__free_page(pages[0]);
	if (pages[1])
		__free_page(pages[1]);
	KUNIT_ASSERT_NOT_NULL(test, pte);
	KUNIT_EXPECT_EQ(test, range, 2UL);
	KUNIT_EXPECT_EQ(test, all, 2UL);
}

/* The return value of the fixed operations: false means that nothing was done. */
static void test_fixed_operations(struct kunit *test)
{
	const bool on = cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI);

	KUNIT_EXPECT_EQ(test, smp_mb_kernel_cpus(), on);
	KUNIT_EXPECT_EQ(test, coalesce_tlbi_sync_core_kernel_cpus(_THIS_IP_), on);
}

static unsigned long vm_event(enum vm_event_item item)
{
	unsigned long *events = kcalloc(NR_VM_EVENT_ITEMS, sizeof(*events), GFP_KERNEL);
	unsigned long n = 0;

	if (events) {
		all_vm_events(events);
		n = events[item];
		kfree(events);
	}
	return n;
}

/* Ranges on both sides of the ceiling (33 pages) are flushed. */
static void test_threshold(struct kunit *test)
{
#ifdef CONFIG_DEBUG_TLBFLUSH
	const unsigned long start = VMALLOC_END & PAGE_MASK, pages = 33;
	unsigned long one, all;

	one = vm_event(NR_TLB_LOCAL_FLUSH_ONE);
	flush_tlb_kernel_range_deferrable(start - pages * PAGE_SIZE, start);
	KUNIT_EXPECT_GE(test, vm_event(NR_TLB_LOCAL_FLUSH_ONE) - one, pages);

	all = vm_event(NR_TLB_REMOTE_FLUSH_RECEIVED);
	one = vm_event(NR_TLB_LOCAL_FLUSH_ONE);
	flush_tlb_kernel_range_deferrable(start - (pages + 1) * PAGE_SIZE, start);
	KUNIT_EXPECT_GE(test, vm_event(NR_TLB_REMOTE_FLUSH_RECEIVED) - all, 1);
	KUNIT_EXPECT_LT(test, vm_event(NR_TLB_LOCAL_FLUSH_ONE) - one, pages);
#else
	kunit_skip(test, "needs CONFIG_DEBUG_TLBFLUSH");
#endif
}

/*
 * A huge change causes one flush of every CPU, by the first flush that overlaps it.
 * Two changes that touch cause one as well.
 */
static void test_huge(struct kunit *test)
{
	const unsigned long end = NOWHERE + 2 * PMD_SIZE;

	skip_unless_deferring(test);
	coalesce_tlbi_note_huge_change(NOWHERE + PMD_SIZE, PUD_SIZE);
	KUNIT_EXPECT_TRUE(test, is_uncovered(NOWHERE, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, is_uncovered(NOWHERE + PUD_SIZE - PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, flush_huge_changes(NOWHERE, end));

	coalesce_tlbi_note_huge_change(NOWHERE + PAGE_SIZE, PMD_SIZE);
	coalesce_tlbi_note_huge_change(NOWHERE + PMD_SIZE, PMD_SIZE);
	KUNIT_EXPECT_TRUE(test, is_uncovered(NOWHERE, PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, is_uncovered(end - PAGE_SIZE, PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, flush_huge_changes(NOWHERE - PAGE_SIZE, NOWHERE));
	KUNIT_EXPECT_FALSE(test, flush_huge_changes(end, end + PAGE_SIZE));

	KUNIT_EXPECT_TRUE(test, flush_huge_changes(end - PAGE_SIZE, end));
	KUNIT_EXPECT_FALSE(test, is_uncovered(NOWHERE, end - NOWHERE));
	KUNIT_EXPECT_FALSE(test, flush_huge_changes(NOWHERE, end));
}

/* A flush that began before the last change of a range does not cover the range. */
static void test_huge_again(struct kunit *test)
{
	unsigned long seq;

	skip_unless_deferring(test);
	coalesce_tlbi_note_huge_change(NOWHERE, PMD_SIZE);
	overlaps_huge_change(NOWHERE, NOWHERE + 1, &seq);
	coalesce_tlbi_note_huge_change(NOWHERE, PMD_SIZE);
	forget_huge_changes(seq);
	KUNIT_EXPECT_TRUE(test, is_uncovered(NOWHERE, 1));
	KUNIT_EXPECT_TRUE(test, flush_huge_changes(NOWHERE, NOWHERE + 1));
	KUNIT_EXPECT_FALSE(test, is_uncovered(NOWHERE, 1));
}

/* No range is lost if there are more than there is room for. */
static void test_huge_many(struct kunit *test)
{
	int i;

	skip_unless_deferring(test);
	for (i = 0; i < 2 * MAX_HUGE_CHANGES; i++)
		coalesce_tlbi_note_huge_change(NOWHERE + 2 * i * PMD_SIZE, PMD_SIZE);
	for (i = 0; i < 2 * MAX_HUGE_CHANGES; i++)
		KUNIT_EXPECT_TRUE_MSG(test, is_uncovered(NOWHERE + 2 * i * PMD_SIZE, PMD_SIZE),
				      "range %d", i);
	KUNIT_EXPECT_TRUE(test, flush_huge_changes(NOWHERE, NOWHERE + 1));
	KUNIT_EXPECT_FALSE(test, is_uncovered(NOWHERE, PUD_SIZE));
}

/* A change of permissions concerns huge changes in the direct map, not in vmalloc memory. */
static void test_huge_aliases(struct kunit *test)
{
	const unsigned long other = NOWHERE + 4 * PMD_SIZE;

	skip_unless_deferring(test);
	flush_huge_changes(0, TLB_FLUSH_ALL);
	coalesce_tlbi_note_huge_change(NOWHERE, PMD_SIZE);
	coalesce_tlbi_flush_aliases(other, other + PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, is_uncovered(NOWHERE, 1));
	coalesce_tlbi_note_huge_change(PAGE_OFFSET, PMD_SIZE);
	coalesce_tlbi_flush_aliases(other, other + PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, is_uncovered(PAGE_OFFSET, 1));
	KUNIT_EXPECT_FALSE(test, is_uncovered(NOWHERE, 1));
}

/*
 * vfree() of a huge mapping is noted.  That of 4K PTEs is not, even if the area, by its
 * guard page, extends into 2M that have no page table.
 */
static void test_huge_vfree(struct kunit *test)
{
	struct vm_struct *area;
	unsigned long before;
	void *mem;

	skip_unless_deferring(test);
	before = READ_ONCE(huge_changes_seq);
	mem = vmalloc(PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	vfree(mem);
	area = get_vm_area(2 * PMD_SIZE, VM_MAP);
	KUNIT_ASSERT_NOT_NULL(test, area);
	free_vm_area(area);
	KUNIT_EXPECT_EQ(test, READ_ONCE(huge_changes_seq), before);

	mem = vmalloc_huge(PMD_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	if (!is_vm_area_hugepages(mem)) {
		vfree(mem);
		kunit_skip(test, "no 2M page available");
	}
	before = READ_ONCE(huge_changes_seq);
	vfree(mem);
	KUNIT_EXPECT_GT(test, READ_ONCE(huge_changes_seq), before);
	/* debug_pagealloc flushes immediately. */
	KUNIT_EXPECT_EQ(test, is_uncovered((unsigned long)mem, PMD_SIZE),
			!debug_pagealloc_enabled());
	vm_unmap_aliases();
	KUNIT_EXPECT_FALSE(test, is_uncovered((unsigned long)mem, PMD_SIZE));
}

/*
 * iounmap() of a PUD leaf is noted as well, all of it.  So large an area is purged by a
 * work item immediately, which a real-time priority keeps off this CPU.
 */
static void test_huge_iounmap(struct kunit *test)
{
	const resource_size_t nowhere = 1ULL << 38;
	unsigned int level = PG_LEVEL_NONE;
	void __iomem *mem;
	unsigned long addr;
	bool first, last;

	skip_unless_deferring(test);
	mem = ioremap(nowhere, PUD_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)mem);
	addr = (unsigned long __force)mem;
	lookup_address(addr, &level);
	sched_set_fifo_low(current);
	iounmap(mem);
	first = is_uncovered(addr, PAGE_SIZE);
	last = is_uncovered(addr + PUD_SIZE - PAGE_SIZE, PAGE_SIZE);
	sched_set_normal(current, 0);
	if (level != PG_LEVEL_1G)
		kunit_skip(test, "ioremap() uses no 1G pages here");
	KUNIT_EXPECT_EQ(test, first, !debug_pagealloc_enabled());
	KUNIT_EXPECT_EQ(test, last, !debug_pagealloc_enabled());
	vm_unmap_aliases();
	KUNIT_EXPECT_FALSE(test, is_uncovered(addr, PUD_SIZE));
}

static void test_parameter(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, parse_mode("always"), COALESCE_TLBI_ALWAYS);
	KUNIT_EXPECT_EQ(test, parse_mode("pending"), COALESCE_TLBI_PENDING);
	KUNIT_EXPECT_EQ(test, parse_mode("off"), COALESCE_TLBI_OFF);
	KUNIT_EXPECT_EQ(test, parse_mode(""), COALESCE_TLBI_ALWAYS);
	KUNIT_EXPECT_EQ(test, parse_mode("Pending"), COALESCE_TLBI_ALWAYS);
	KUNIT_EXPECT_EQ(test, parse_mode("pending,"), COALESCE_TLBI_ALWAYS);
}

/* Exactly the nohz_full= CPUs defer. */
static void test_mask(struct kunit *test)
{
	const bool on = cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI);
	int cpu;

	for_each_possible_cpu(cpu) {
		const bool isolated = on && tick_nohz_full_cpu(cpu);

		KUNIT_EXPECT_EQ_MSG(test, cpu_defers(cpu), isolated, "CPU %d", cpu);
		KUNIT_EXPECT_EQ_MSG(test, coalesce_tlbi_may_queue_work(cpu), !isolated,
				    "CPU %d", cpu);
	}
}

static bool breakpoint_refused(void *addr, int type)
{
	struct perf_event * __percpu *bp;
	struct perf_event_attr attr;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)addr;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.bp_type = type;
	bp = register_wide_hw_breakpoint(&attr, NULL, NULL);
	if (IS_ERR((void __force *)bp))
		return true;
	unregister_wide_hw_breakpoint(bp);
	return false;
}

/* No data breakpoint on what the entry code of #DB reads; elsewhere it is allowed. */
static void test_breakpoint(struct kunit *test)
{
	struct kernel_cr3_state *cr3 = per_cpu_ptr(&kernel_cr3_loaded, 0);

	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&cr3->state, HW_BREAKPOINT_W));
	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&cr3->exit_state, HW_BREAKPOINT_W));
	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&cr3->entry_flushes, HW_BREAKPOINT_W));
	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&coalesce_tlbi_pinned_cr4, HW_BREAKPOINT_RW));
	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&coalesce_tlbi_unpinned_cr4, HW_BREAKPOINT_RW));
	KUNIT_EXPECT_FALSE(test, breakpoint_refused(&huge_changes_seq, HW_BREAKPOINT_W));
}

static void __maybe_unused breakpoint_hit(struct perf_event *bp, struct perf_sample_data *data,
					  struct pt_regs *regs)
{
}

/* What interrupts kernel code is checked, and only entry text may lack LOADED. */
static void test_assertion(struct kunit *test)
{
#ifdef CONFIG_COALESCE_TLBI_DEBUG
	static unsigned long watched;
	struct pt_regs regs = { .cs = __KERNEL_CS };
	struct perf_event * __percpu *bp;
	struct perf_event_attr attr;
	unsigned long checked;
	long state;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)&watched;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.bp_type = HW_BREAKPOINT_W;
	bp = register_wide_hw_breakpoint(&attr, breakpoint_hit, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR((void __force *)bp));
	preempt_disable();
	checked = this_cpu_read(kernel_cr3_loaded.asserted);
	WRITE_ONCE(watched, 1);		/* raises #DB */
	checked = this_cpu_read(kernel_cr3_loaded.asserted) - checked;
	preempt_enable();
	unregister_wide_hw_breakpoint(bp);
	KUNIT_EXPECT_GT(test, checked, 0);

	for (state = 0; state < STATES; state++) {
		regs.ip = (unsigned long)test_assertion;
		KUNIT_EXPECT_EQ_MSG(test, may_lack_loaded(state, &regs), !!(state & LOADED),
				    "state %ld", state);
		regs.ip = (unsigned long)__entry_text_start;
		KUNIT_EXPECT_TRUE(test, may_lack_loaded(state, &regs));
		regs.ip = FRED_ENTRY_TEXT;
		KUNIT_EXPECT_EQ(test, may_lack_loaded(state, &regs),
				IS_ENABLED(CONFIG_X86_FRED) || (state & LOADED));
	}
#else
	kunit_skip(test, "needs CONFIG_COALESCE_TLBI_DEBUG");
#endif
}

static struct kunit_case coalesce_tlbi_cases[] = {
	KUNIT_CASE(test_enter),
	KUNIT_CASE(test_exit),
	KUNIT_CASE(test_paranoid),
	KUNIT_CASE(test_pinned_cr4),
	KUNIT_CASE(test_fence),
	KUNIT_CASE(test_legal_state),
	KUNIT_CASE(test_predicate),
	KUNIT_CASE(test_predicate_local),
	KUNIT_CASE(test_protection_only),
	KUNIT_CASE(test_in_kernel),
	KUNIT_CASE(test_initiator),
	KUNIT_CASE(test_fixed_operations),
	KUNIT_CASE(test_threshold),
	KUNIT_CASE(test_huge),
	KUNIT_CASE(test_huge_again),
	KUNIT_CASE(test_huge_many),
	KUNIT_CASE(test_huge_aliases),
	KUNIT_CASE(test_huge_vfree),
	KUNIT_CASE(test_huge_iounmap),
	KUNIT_CASE(test_parameter),
	KUNIT_CASE(test_mask),
	KUNIT_CASE(test_breakpoint),
	KUNIT_CASE(test_assertion),
	{}
};

static struct kunit_suite coalesce_tlbi_suite = {
	.name		= "coalesce_tlbi",
	.test_cases	= coalesce_tlbi_cases,
};

kunit_test_suite(coalesce_tlbi_suite);
