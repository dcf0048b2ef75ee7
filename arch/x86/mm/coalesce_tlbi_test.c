// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of COALESCE_TLBI, included by coalesce_tlbi.c.
 *
 * The hooks run here as the entry code has them (coalesce_tlbi_test_hooks.S),
 * on the word of the CPU that runs the test, with interrupts off.  The word
 * then says "user mode" for some instructions in the kernel.  That is what the
 * instructions before a real entry hook live with: nothing between touches
 * memory but the stack and per-CPU data, and an initiator that comes meanwhile
 * leaves FLUSH_PENDING, which the hook finds.
 */
#include <kunit/test.h>
#include <linux/hw_breakpoint.h>
#include <linux/io.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>

#define USER	0L
#define FLUSH_PENDING	((long)KERNEL_CR3_FLUSH_PENDING)
#define LOADED	((long)KERNEL_CR3_LOADED)

static const long words[] = { USER, FLUSH_PENDING, LOADED, LOADED | FLUSH_PENDING };

struct hook_result {
	unsigned long	saved;		/* what the paranoid entry kept */
	long		inside;		/* word after the entry hook */
	long		after;		/* word after the exit hook */
	unsigned long	flushes;	/* done by the hooks */
};

/* Run the hooks from @word with @exit_state, then put the CPU right again. */
static struct hook_result run_hooks_once(long word, unsigned long exit_state, bool paranoid)
{
	struct kernel_cr3_state *state;
	unsigned long flags, exit_state_was, flushes_were;
	struct hook_result res = {};

	raw_local_irq_save(flags);
	state = this_cpu_ptr(&kernel_cr3_loaded);
	exit_state_was = state->exit_state;
	flushes_were = state->entry_flushes;

	state->exit_state = exit_state;
	atomic_long_set(&state->state, word);
	if (paranoid)
		res.saved = coalesce_tlbi_test_paranoid_enter();
	else
		coalesce_tlbi_test_enter();
	res.inside = atomic_long_read(&state->state);
	if (paranoid)
		coalesce_tlbi_test_paranoid_exit(res.saved);
	else
		coalesce_tlbi_test_exit();
	res.after = atomic_long_read(&state->state);
	res.flushes = READ_ONCE(state->entry_flushes) - flushes_were;

	state->exit_state = exit_state_was;
	coalesce_tlbi_test_enter();
	raw_local_irq_restore(flags);
	return res;
}

/* The same until no initiator has deferred a flush to this CPU meanwhile. */
static struct hook_result run_hooks(long word, unsigned long exit_state, bool paranoid)
{
	struct hook_result res;
	atomic_long_t *deferred;
	long before;

	migrate_disable();
	deferred = this_cpu_ptr(&coalesce_tlbi_counters.deferred);
	do {
		before = atomic_long_read(deferred);
		res = run_hooks_once(word, exit_state, paranoid);
	} while (atomic_long_read(deferred) != before);
	migrate_enable();
	return res;
}

/* Every word ends in LOADED; the hook flushes for FLUSH_PENDING and only for FLUSH_PENDING. */
static void test_enter(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		struct hook_result res = run_hooks(words[i], USER, false);

		KUNIT_EXPECT_EQ_MSG(test, res.inside, LOADED, "from word %ld", words[i]);
		KUNIT_EXPECT_EQ_MSG(test, res.flushes, words[i] & FLUSH_PENDING ? 1 : 0,
				    "from word %ld", words[i]);
	}
}

/* The exit hook stores its CPU's word, and on a housekeeping CPU nothing. */
static void test_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, run_hooks(LOADED, USER, false).after, USER);
	KUNIT_EXPECT_EQ(test, run_hooks(LOADED, FLUSH_PENDING, false).after, FLUSH_PENDING);
	KUNIT_EXPECT_EQ(test, run_hooks(LOADED, LOADED, false).after, LOADED);
}

/*
 * The handler runs with LOADED and flushed, whatever it interrupted.  What had
 * LOADED keeps it; an entry in progress that lost it would be a lost flush.
 */
static void test_paranoid(struct kunit *test)
{
	const long exit_states[] = { USER, FLUSH_PENDING };
	int i, j;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		for (j = 0; j < ARRAY_SIZE(exit_states); j++) {
			struct hook_result res = run_hooks(words[i], exit_states[j], true);
			long expect = words[i] & LOADED ? LOADED : exit_states[j];

			KUNIT_EXPECT_EQ_MSG(test, res.saved, (unsigned long)words[i],
					    "from word %ld", words[i]);
			KUNIT_EXPECT_EQ_MSG(test, res.inside, LOADED, "from word %ld", words[i]);
			KUNIT_EXPECT_EQ_MSG(test, res.after, expect, "from word %ld, exit word %ld",
					    words[i], exit_states[j]);
			KUNIT_EXPECT_EQ_MSG(test, res.flushes, words[i] & FLUSH_PENDING ? 1 : 0,
					    "from word %ld", words[i]);
		}
	}
}

/* What an initiator may find, by what the CPU stores at its exits. */
static void test_possible(struct kunit *test)
{
	const long exit_states[] = { USER, FLUSH_PENDING, LOADED };
	const bool possible[ARRAY_SIZE(words)][ARRAY_SIZE(exit_states)] = {
		/* USER */		{ true,  false, false },
		/* FLUSH_PENDING */		{ true,  true,	false },
		/* LOADED */		{ true,  true,	true },
		/* LOADED | FLUSH_PENDING */	{ true,  true,	false },
	};
	int i, j;

	for (j = 0; j < ARRAY_SIZE(exit_states); j++) {
		for (i = 0; i < ARRAY_SIZE(words); i++)
			KUNIT_EXPECT_EQ_MSG(test, legal_state(words[i], exit_states[j]),
					    possible[i][j], "word %ld, exit word %ld",
					    words[i], exit_states[j]);
		KUNIT_EXPECT_FALSE(test, legal_state(4, exit_states[j]));
		KUNIT_EXPECT_FALSE(test, legal_state(-1, exit_states[j]));
	}
}

/* A flush is deferred to a CPU without LOADED, and FLUSH_PENDING is left there. */
static void test_predicate(struct kunit *test)
{
	const struct {
		long	word;
		bool	interrupt;
		long	after;
	} cases[] = {
		{ USER,		 false, FLUSH_PENDING },
		{ FLUSH_PENDING,		 false, FLUSH_PENDING },
		{ LOADED,	 true,	LOADED },
		{ LOADED | FLUSH_PENDING, true,	LOADED | FLUSH_PENDING },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		atomic_long_t word = ATOMIC_LONG_INIT(cases[i].word);

		KUNIT_EXPECT_EQ_MSG(test, state_needs_ipi(&word), cases[i].interrupt,
				    "word %ld", cases[i].word);
		KUNIT_EXPECT_EQ_MSG(test, atomic_long_read(&word), cases[i].after,
				    "word %ld", cases[i].word);
	}
}

/* The local CPU always flushes, is not counted, and owes nothing. */
static void test_predicate_local(struct kunit *test)
{
	struct coalesce_tlbi_counters *counters;
	bool interrupt, owes;
	long before, after;
	int cpu = get_cpu();

	counters = &per_cpu(coalesce_tlbi_counters, cpu);
	before = atomic_long_read(&counters->deferred) + atomic_long_read(&counters->forced);
	interrupt = needs_ipi_now(cpu, NULL);
	owes = has_flush_pending(cpu, NULL);
	after = atomic_long_read(&counters->deferred) + atomic_long_read(&counters->forced);
	put_cpu();

	KUNIT_EXPECT_TRUE(test, interrupt);
	KUNIT_EXPECT_FALSE(test, owes);
	KUNIT_EXPECT_EQ(test, before, after);
}

/* Rights alone are deferrable; nothing at all is not, nor is what a page is. */
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

static void note_cpu(void *mask)
{
	cpumask_set_cpu(raw_smp_processor_id(), mask);
}

/*
 * A call for the kernel runs here or not, as it says, and on every CPU that
 * defers nothing.
 */
static void test_in_kernel(struct kunit *test)
{
	struct cpumask *with, *without;
	int cpu, here;

	with = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	without = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, with);
	KUNIT_ASSERT_NOT_NULL(test, without);

	cpus_read_lock();
	here = get_cpu();
	on_each_cpu_in_kernel(note_cpu, with);
	smp_call_function_in_kernel(note_cpu, without);
	put_cpu();
	KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(here, with));
	KUNIT_EXPECT_FALSE(test, cpumask_test_cpu(here, without));
	for_each_online_cpu(cpu) {
		if (cpu == here || cpu_defers(cpu))
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, cpumask_test_cpu(cpu, with), "CPU %d", cpu);
		KUNIT_EXPECT_TRUE_MSG(test, cpumask_test_cpu(cpu, without), "CPU %d", cpu);
	}
	cpus_read_unlock();
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

/* Both sides of the ceiling (33 pages) take the deferrable path, and flush. */
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

static long outstanding_huge_changes(void)
{
	return atomic_long_read(&huge_changes) - atomic_long_read(&huge_changes_flushed);
}

/* An unmapped large leaf forces one flush of every CPU, two force one as well. */
static void test_huge(struct kunit *test)
{
	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		kunit_skip(test, "needs nohz_full=");

	flush_huge_changes();
	KUNIT_EXPECT_EQ(test, outstanding_huge_changes(), 0);
	KUNIT_EXPECT_FALSE(test, flush_huge_changes());

	coalesce_tlbi_note_huge_change();
	coalesce_tlbi_note_huge_change();
	KUNIT_EXPECT_EQ(test, outstanding_huge_changes(), 2);
	KUNIT_EXPECT_TRUE(test, flush_huge_changes());
	KUNIT_EXPECT_EQ(test, outstanding_huge_changes(), 0);
	KUNIT_EXPECT_FALSE(test, flush_huge_changes());
}

/*
 * vfree() of a large mapping is noticed, of a small one is not: not even where
 * the area reaches into 2M that never had a page table, as its guard page may.
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
		kunit_skip(test, "no 2M page to be had");
	}
	before = atomic_long_read(&huge_changes);
	vfree(mem);
	KUNIT_EXPECT_GT(test, atomic_long_read(&huge_changes), before);
	vm_unmap_aliases();
	KUNIT_EXPECT_EQ(test, outstanding_huge_changes(), 0);
}

/* iounmap() of a leaf of the largest size is noticed as well. */
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
	KUNIT_EXPECT_EQ(test, outstanding_huge_changes(), 0);
}

static void test_parameter(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, parse_mode("always"), COALESCE_TLBI_ALWAYS);
	KUNIT_EXPECT_EQ(test, parse_mode("pending"), COALESCE_TLBI_PENDING);
	KUNIT_EXPECT_EQ(test, parse_mode("off"), COALESCE_TLBI_OFF);
	KUNIT_EXPECT_EQ(test, parse_mode(""), COALESCE_TLBI_ALWAYS);
	KUNIT_EXPECT_EQ(test, parse_mode("Owed"), COALESCE_TLBI_ALWAYS);
	KUNIT_EXPECT_EQ(test, parse_mode("pending,"), COALESCE_TLBI_ALWAYS);
}

/* Who defers: the nohz_full= CPUs, all of them, and no other. */
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

/* No breakpoint on what the entry of #DB reads; on other data there may be. */
static void test_breakpoint(struct kunit *test)
{
	struct kernel_cr3_state *state = per_cpu_ptr(&kernel_cr3_loaded, 0);

	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&state->state));
	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&state->exit_state));
	KUNIT_EXPECT_TRUE(test, breakpoint_refused(&state->entry_flushes));
	KUNIT_EXPECT_FALSE(test, breakpoint_refused(&huge_changes));
}

static struct kunit_case coalesce_tlbi_cases[] = {
	KUNIT_CASE(test_enter),
	KUNIT_CASE(test_exit),
	KUNIT_CASE(test_paranoid),
	KUNIT_CASE(test_possible),
	KUNIT_CASE(test_predicate),
	KUNIT_CASE(test_predicate_local),
	KUNIT_CASE(test_protection_only),
	KUNIT_CASE(test_in_kernel),
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
