// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of COALESCE_TLBI, included by coalesce_tlbi.c.
 *
 * The hooks of the entry code run here as functions (coalesce_tlbi_test_hooks.S), on
 * the state of the CPU that runs the test, with interrupts off.  For some instructions
 * kernel code then runs without LOADED.  It obeys the rule for pre-hook entry code and
 * accesses only its stack and per-CPU data.  An initiator that reads the state
 * meanwhile sets FLUSH_PENDING, which the hook finds.
 */
#include <kunit/test.h>
#include <linux/hw_breakpoint.h>
#include <linux/io.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

#include "coalesce_tlbi_test.h"

#define USER		0L
#define FLUSH_PENDING	((long)KERNEL_CR3_FLUSH_PENDING)
#define LOADED		((long)KERNEL_CR3_LOADED)

static const long states[] = { USER, FLUSH_PENDING, LOADED, LOADED | FLUSH_PENDING };

struct hook_result {
	unsigned long	saved;		/* the old state that the paranoid entry kept */
	long		inside;		/* state after the entry hook */
	long		after;		/* state after the exit hook */
	unsigned long	flushes;	/* by the hooks */
};

/* Run the hooks from @state with @exit_state, then restore the CPU. */
static struct hook_result run_hooks_once(long state, unsigned long exit_state, bool paranoid)
{
	struct kernel_cr3_state *cr3;
	unsigned long flags, exit_state_was, flushes_were;
	struct hook_result res = {};

	raw_local_irq_save(flags);
	cr3 = this_cpu_ptr(&kernel_cr3_loaded);
	exit_state_was = cr3->exit_state;
	flushes_were = cr3->entry_flushes;

	cr3->exit_state = exit_state;
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
	res.flushes = READ_ONCE(cr3->entry_flushes) - flushes_were;

	cr3->exit_state = exit_state_was;
	coalesce_tlbi_test_enter();
	raw_local_irq_restore(flags);
	return res;
}

/* The same, repeated until no initiator has deferred an IPI to this CPU meanwhile. */
static struct hook_result run_hooks(long state, unsigned long exit_state, bool paranoid)
{
	struct hook_result res;
	atomic_long_t *deferred;
	long before;

	migrate_disable();
	deferred = this_cpu_ptr(&coalesce_tlbi_counters.deferred);
	do {
		before = atomic_long_read(deferred);
		res = run_hooks_once(state, exit_state, paranoid);
	} while (atomic_long_read(deferred) != before);
	migrate_enable();
	return res;
}

/* From every state the hook goes to LOADED, and flushes only if a flush is pending. */
static void test_enter(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct hook_result res = run_hooks(states[i], USER, false);

		KUNIT_EXPECT_EQ_MSG(test, res.inside, LOADED, "from state %ld", states[i]);
		KUNIT_EXPECT_EQ_MSG(test, res.flushes, states[i] & FLUSH_PENDING ? 1 : 0,
				    "from state %ld", states[i]);
	}
}

/* The exit hook stores exit_state, and nothing on a housekeeping CPU. */
static void test_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, run_hooks(LOADED, USER, false).after, USER);
	KUNIT_EXPECT_EQ(test, run_hooks(LOADED, FLUSH_PENDING, false).after, FLUSH_PENDING);
	KUNIT_EXPECT_EQ(test, run_hooks(LOADED, LOADED, false).after, LOADED);
}

/*
 * The handler runs with LOADED and after the flush, whatever it interrupted.  If the
 * interrupted context had LOADED, it keeps it: an entry in progress that loses LOADED
 * is a lost flush.
 */
static void test_paranoid(struct kunit *test)
{
	const long exit_states[] = { USER, FLUSH_PENDING };
	int i, j;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		for (j = 0; j < ARRAY_SIZE(exit_states); j++) {
			struct hook_result res = run_hooks(states[i], exit_states[j], true);
			long expect = states[i] & LOADED ? LOADED : exit_states[j];

			KUNIT_EXPECT_EQ_MSG(test, res.saved, (unsigned long)states[i],
					    "from state %ld", states[i]);
			KUNIT_EXPECT_EQ_MSG(test, res.inside, LOADED, "from state %ld", states[i]);
			KUNIT_EXPECT_EQ_MSG(test, res.after, expect,
					    "from state %ld, exit state %ld",
					    states[i], exit_states[j]);
			KUNIT_EXPECT_EQ_MSG(test, res.flushes, states[i] & FLUSH_PENDING ? 1 : 0,
					    "from state %ld", states[i]);
		}
	}
}

/* The states that an initiator may find, by exit_state of the CPU. */
static void test_legal_state(struct kunit *test)
{
	const long exit_states[] = { USER, FLUSH_PENDING, LOADED };
	const bool legal[ARRAY_SIZE(states)][ARRAY_SIZE(exit_states)] = {
		/* USER */			{ true,  false, false },
		/* FLUSH_PENDING */		{ true,  true,	false },
		/* LOADED */			{ true,  true,	true },
		/* LOADED | FLUSH_PENDING */	{ true,  true,	false },
	};
	int i, j;

	for (j = 0; j < ARRAY_SIZE(exit_states); j++) {
		for (i = 0; i < ARRAY_SIZE(states); i++)
			KUNIT_EXPECT_EQ_MSG(test, legal_state(states[i], exit_states[j]),
					    legal[i][j], "state %ld, exit state %ld",
					    states[i], exit_states[j]);
		KUNIT_EXPECT_FALSE(test, legal_state(4, exit_states[j]));
		KUNIT_EXPECT_FALSE(test, legal_state(-1, exit_states[j]));
	}
}

/* A flush is deferred on a CPU without LOADED, and FLUSH_PENDING is set there. */
static void test_predicate(struct kunit *test)
{
	const struct {
		long	state;
		bool	ipi;
		long	after;
	} cases[] = {
		{ USER,			  false, FLUSH_PENDING },
		{ FLUSH_PENDING,	  false, FLUSH_PENDING },
		{ LOADED,		  true,	 LOADED },
		{ LOADED | FLUSH_PENDING, true,	 LOADED | FLUSH_PENDING },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		atomic_long_t state = ATOMIC_LONG_INIT(cases[i].state);

		KUNIT_EXPECT_EQ_MSG(test, state_needs_ipi(&state), cases[i].ipi,
				    "state %ld", cases[i].state);
		KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&state), cases[i].after,
				    "state %ld", cases[i].state);
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

static long uncovered_huge_changes(void)
{
	return atomic_long_read(&huge_changes) - atomic_long_read(&huge_changes_flushed);
}

/* With no huge change outstanding, the next deferrable flush is a deferred one. */
static void cover_huge_changes(void)
{
	if (cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		flush_huge_changes();
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

	cover_huge_changes();
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

	cover_huge_changes();
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

/* One huge change causes one flush of every CPU; two changes cause one as well. */
static void test_huge(struct kunit *test)
{
	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		kunit_skip(test, "needs nohz_full=");

	flush_huge_changes();
	KUNIT_EXPECT_EQ(test, uncovered_huge_changes(), 0);
	KUNIT_EXPECT_FALSE(test, flush_huge_changes());

	coalesce_tlbi_note_huge_change();
	coalesce_tlbi_note_huge_change();
	KUNIT_EXPECT_EQ(test, uncovered_huge_changes(), 2);
	KUNIT_EXPECT_TRUE(test, flush_huge_changes());
	KUNIT_EXPECT_EQ(test, uncovered_huge_changes(), 0);
	KUNIT_EXPECT_FALSE(test, flush_huge_changes());
}

/*
 * vfree() of a huge mapping is counted.  That of 4K PTEs is not, even if the area, by
 * its guard page, extends into 2M that have no page table.
 */
static void test_huge_vfree(struct kunit *test)
{
	struct vm_struct *area;
	long before;
	void *mem;

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		kunit_skip(test, "needs nohz_full=");

	before = atomic_long_read(&huge_changes);
	mem = vmalloc(PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	vfree(mem);
	area = get_vm_area(2 * PMD_SIZE, VM_MAP);
	KUNIT_ASSERT_NOT_NULL(test, area);
	free_vm_area(area);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&huge_changes), before);

	mem = vmalloc_huge(PMD_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	if (!is_vm_area_hugepages(mem)) {
		vfree(mem);
		kunit_skip(test, "no 2M page available");
	}
	before = atomic_long_read(&huge_changes);
	vfree(mem);
	KUNIT_EXPECT_GT(test, atomic_long_read(&huge_changes), before);
	vm_unmap_aliases();
	KUNIT_EXPECT_EQ(test, uncovered_huge_changes(), 0);
}

/* iounmap() of a PUD leaf is counted as well. */
static void test_huge_iounmap(struct kunit *test)
{
	const resource_size_t nowhere = 1ULL << 38;
	unsigned int level = PG_LEVEL_NONE;
	void __iomem *mem;
	long before;

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		kunit_skip(test, "needs nohz_full=");

	mem = ioremap(nowhere, PUD_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)mem);
	lookup_address((unsigned long __force)mem, &level);
	before = atomic_long_read(&huge_changes);
	iounmap(mem);
	if (level != PG_LEVEL_1G)
		kunit_skip(test, "ioremap() uses no 1G pages here");
	KUNIT_EXPECT_GT(test, atomic_long_read(&huge_changes), before);
	vm_unmap_aliases();
	KUNIT_EXPECT_EQ(test, uncovered_huge_changes(), 0);
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

static bool breakpoint_refused(void *addr)
{
	struct perf_event * __percpu *bp;
	struct perf_event_attr attr;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)addr;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.bp_type = HW_BREAKPOINT_W;
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

	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&cr3->state));
	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&cr3->exit_state));
	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&cr3->entry_flushes));
	KUNIT_EXPECT_FALSE(test, breakpoint_refused(&huge_changes));
}

static struct kunit_case coalesce_tlbi_cases[] = {
	KUNIT_CASE(test_enter),
	KUNIT_CASE(test_exit),
	KUNIT_CASE(test_paranoid),
	KUNIT_CASE(test_legal_state),
	KUNIT_CASE(test_predicate),
	KUNIT_CASE(test_predicate_local),
	KUNIT_CASE(test_protection_only),
	KUNIT_CASE(test_in_kernel),
	KUNIT_CASE(test_initiator),
	KUNIT_CASE(test_fixed_operations),
	KUNIT_CASE(test_threshold),
	KUNIT_CASE(test_huge),
	KUNIT_CASE(test_huge_vfree),
	KUNIT_CASE(test_huge_iounmap),
	KUNIT_CASE(test_parameter),
	KUNIT_CASE(test_mask),
	KUNIT_CASE(test_breakpoint),
	{}
};

static struct kunit_suite coalesce_tlbi_suite = {
	.name		= "coalesce_tlbi",
	.test_cases	= coalesce_tlbi_cases,
};

kunit_test_suite(coalesce_tlbi_suite);
