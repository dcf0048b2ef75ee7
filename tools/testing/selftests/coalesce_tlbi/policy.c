// SPDX-License-Identifier: GPL-2.0
/*
 * Flushes that must not be deferred, and a purge that must not wake an isolated CPU
 * whose flush it defers.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "../kselftest.h"
#include "counts.h"

#define MAX_REPEATS		20

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;
static bool defers;

static void command(unsigned long request, void *arg)
{
	int err = oracle_command(request, arg);

	if (err)
		ksft_exit_fail_msg("oracle request %#lx: %s\n", request, strerror(err));
}

/**
 * struct change - one change of memory type
 * @pending: a flush was pending on the CPU before it
 * @stray: interrupts that were no function call; their entries flush
 * @forced: IPIs for the forced flush
 * @flushed: IPIs of the change itself
 * @hit: the CPU's state when the change began
 */
struct change {
	bool pending;
	unsigned long stray;
	unsigned long forced;
	unsigned long flushed;
	struct oracle_hit hit;
};

static void change_memory_type(struct change *c)
{
	struct oracle_arm arm = { .cpu = sched_getcpu(), .watched = cpus[0].cpu };
	struct tally calls = { .n = 0 };
	struct counts before, after;
	int i;

	flushes_start();
	isolated_ping(cpus, n_cpus);
	counts_read(cpus[0].cpu, &before);
	oracle_request(ORACLE_DRAIN);
	c->pending = isolated_pending(&cpus[0], before.interrupts) == PENDING_FLUSH;
	command(ORACLE_ARM, &arm);
	command(ORACLE_SET_UC, NULL);
	command(ORACLE_HIT, &c->hit);
	counts_read(cpus[0].cpu, &after);
	tally_callbacks(&calls, cpus[0].cpu);
	c->stray = after.interrupts - before.interrupts;
	for (i = 0; i < calls.n; i++)
		c->stray -= calls.entry[i].n;
	c->forced = after.forced - before.forced;
	c->flushed = callbacks_received(cpus[0].cpu, "__cpa_flush_tlb");
}

/*
 * An isolated CPU holds no unmapped alias of a page when the page changes its memory
 * type: no flush is pending when the change begins.  The control is that a drain alone
 * leaves a flush pending.  A tick flushes too, so a change during which one arrives
 * shows nothing and is repeated.
 */
static void test_memory_type(void)
{
	struct oracle_probe probe = { "function:__change_page_attr_set_clr" };
	static const char name[] = "an alias is flushed before its page changes memory type";
	static const char flushed[] = "a change of memory type is flushed immediately";
	struct change c;
	int repeats = 0;

	if (oracle_command(ORACLE_PROBE, &probe)) {
		ksft_test_result_skip("%s: no %s\n", name, probe.name);
		ksft_test_result_skip("%s: no %s\n", flushed, probe.name);
		return;
	}
	do {
		change_memory_type(&c);
	} while (defers && c.stray && ++repeats < MAX_REPEATS);
	memset(&probe, 0, sizeof(probe));
	command(ORACLE_PROBE, &probe);

	ksft_print_msg("pending before: %d; state at the change: %lld, %d times; forced: %lu\n",
		       c.pending, (long long)c.hit.state, c.hit.count, c.forced);
	ksft_print_msg("repeats: %d\n", repeats);
	if (!defers)
		ksft_test_result(c.hit.count && !c.pending && !c.forced,
				 "control: no flush is pending and none is forced\n");
	else
		ksft_test_result(c.hit.count && c.pending && c.forced &&
				 !(c.hit.state & KERNEL_CR3_FLUSH_PENDING), "%s\n", name);
	ksft_test_result(c.flushed, "%s\n", flushed);
}

/* IPIs to any isolated CPU for vm_unmap_aliases() with nothing to unmap */
static unsigned long aliases_received(void)
{
	unsigned long sum = 0;
	struct flushes f;
	int i;

	oracle_request(ORACLE_UNMAP_ALIASES);
	flushes_start();
	for (i = 0; i < 10; i++)
		oracle_request(ORACLE_UNMAP_ALIASES);
	for (i = 0; i < n_cpus; i++) {
		flushes_read(cpus[i].cpu, &f);
		sum += f.received;
	}
	return sum;
}

/*
 * A forced flush sends an IPI only to CPUs for which one was deferred, also in mode
 * always, where every entry flushes.  Others may unmap something meanwhile, so the
 * least of some tries counts.  The control is the forced flush of test_memory_type().
 */
static void test_nothing_to_force(void)
{
	unsigned long least = -1, n;
	int i;

	for (i = 0; i < MAX_REPEATS && least; i++) {
		n = aliases_received();
		if (n < least)
			least = n;
	}
	ksft_print_msg("least received: %lu\n", least);
	ksft_test_result(!least, "vm_unmap_aliases() with nothing deferred sends no IPI\n");
}

/* Do one large purge.  Returns the most interrupts of a CPU other than flush IPIs. */
static unsigned long woken(unsigned long *received)
{
	unsigned long most = 0, other;
	struct counts after;
	struct batch batch;
	int i;

	command(ORACLE_MAP_MANY, NULL);
	batch_begin(&batch, cpus, n_cpus);
	command(ORACLE_PURGE_MANY, NULL);
	isolated_ping(cpus, n_cpus);
	batch_end(&batch, cpus, n_cpus);
	*received = 0;
	for (i = 0; i < n_cpus; i++) {
		*received += batch.received[i];
		counts_read(cpus[i].cpu, &after);
		other = after.interrupts - batch.before[i].interrupts - batch.received[i];
		if (other > most)
			most = other;
	}
	return most;
}

/*
 * A purge above twice lazy_max_pages() queues helpers on the CPU of each vmap node,
 * in a kernel with vmap nodes.  It must queue none on an isolated CPU.  Control: where
 * nothing is deferred, it does.
 */
static void test_purge_helpers(void)
{
	struct sched_param fifo = { .sched_priority = 1 }, none = { 0 };
	unsigned long least = -1, least_flushes = -1, n, flushes;
	int i;

	if (sched_setscheduler(0, SCHED_FIFO, &fifo))
		ksft_exit_fail_msg("no real-time priority\n");
	for (i = 0; i < MAX_REPEATS / 4 && (least || least_flushes); i++) {
		n = woken(&flushes);
		if (n < least)
			least = n;
		if (flushes < least_flushes)
			least_flushes = flushes;
	}
	sched_setscheduler(0, SCHED_OTHER, &none);
	ksft_print_msg("least that a large purge sent: %lu flush IPIs, %lu other interrupts\n",
		       least_flushes, least);
	if (defers)
		ksft_test_result(!least_flushes, "the flush of a large purge is deferred\n");
	else
		ksft_test_result(least_flushes, "control: the flush of a large purge arrives\n");

	if (defers)
		ksft_test_result(!least, "a large purge wakes no isolated CPU\n");
	else if (!has_function("purge_vmap_node"))
		ksft_test_result_skip("control: a large purge: this kernel queues no helpers\n");
	else if (n_cpus == 2)
		ksft_test_result(least, "control: a large purge wakes an isolated CPU\n");
	else
		ksft_test_result_skip("control: a large purge: needs 4 CPUs, 2 isolated\n");
}

/* The least number of IPIs for immediate flushes that one request sends to any CPU */
static int least_received(unsigned long request, unsigned long *least)
{
	unsigned long n;
	int i, err;

	flushes_start();
	err = oracle_command(request, NULL);
	*least = -1;
	for (i = 0; i < n_cpus; i++) {
		n = callbacks_received(cpus[i].cpu, "do_flush_tlb_all") +
		    callbacks_received(cpus[i].cpu, "do_kernel_range_flush");
		if (n < *least)
			*least = n;
	}
	return err;
}

/* Not a flush that is forced: its IPI goes only where one is pending. */
static void test_table_freed(void)
{
	static const char name[] = "a flush for a freed page-table page is not deferred";
	unsigned long received;
	int err = EAGAIN, i;

	for (i = 0; err == EAGAIN && i < MAX_REPEATS; i++) {
		oracle_request(ORACLE_DRAIN_HUGE);
		err = least_received(ORACLE_MAP_HUGE, &received);
		command(ORACLE_UNMAP_HUGE, NULL);
	}
	ksft_print_msg("least received: %lu\n", received);
	if (err)
		ksft_test_result_skip("%s: no huge mapping over a table: %s\n", name,
				      strerror(err));
	else
		ksft_test_result(received, "%s\n", name);
}

/* The change of a huge mapping was noted, so the flush after it is not deferred. */
static void test_huge_change(void)
{
	static const char name[] = "a change of a huge mapping is not deferred";
	unsigned long received;
	int err = least_received(ORACLE_PROTECT_HUGE, &received);

	ksft_print_msg("least received: %lu\n", received);
	if (err)
		ksft_test_result_skip("%s: no huge mapping: %s\n", name, strerror(err));
	else
		ksft_test_result(received, "%s\n", name);
}

/*
 * When a huge page is mapped where small ones were, no flush of the small ones is
 * pending, so that no CPU holds both sizes.  This must not depend on the IPI of the flush
 * for the freed page-table page, which covers one page: with INVLPGB there is none.
 * The hit counts if it is the only one, since other mappings may be tried before.
 */
static void test_size_changed(void)
{
	static const char name[] = "no flush is pending when a huge page replaces small ones";
	struct oracle_arm arm = { .cpu = sched_getcpu(), .watched = cpus[0].cpu };
	struct oracle_probe probe = { "function:pmd_set_huge" }, none = { "" };
	unsigned long before, deferred = 0;
	struct oracle_hit hit = { 0 };
	int err = EAGAIN, i;

	if (!defers || oracle_command(ORACLE_PROBE, &probe)) {
		ksft_test_result_skip("%s: no probe, or nothing is deferred\n", name);
		return;
	}
	for (i = 0; (err || hit.count != 1 || !deferred) && i < MAX_REPEATS; i++) {
		oracle_request(ORACLE_DRAIN_HUGE);
		isolated_ping(cpus, n_cpus);
		before = deferred_sum(cpus, n_cpus);
		command(ORACLE_ARM, &arm);
		err = oracle_command(ORACLE_MAP_HUGE, NULL);
		command(ORACLE_HIT, &hit);
		deferred = deferred_sum(cpus, n_cpus) - before;
		command(ORACLE_UNMAP_HUGE, NULL);
	}
	command(ORACLE_PROBE, &none);
	ksft_print_msg("state when it is mapped: %lld; deferred before: %lu; tries: %d\n",
		       (long long)hit.state, deferred, i);
	if (err)
		ksft_test_result_skip("%s: no huge mapping over a table: %s\n", name,
				      strerror(err));
	else
		ksft_test_result(hit.count == 1 && deferred &&
				 !(hit.state & KERNEL_CR3_FLUSH_PENDING), "%s\n", name);
}

static void has_smap(void)
{
	isolated_report(oracle_command(ORACLE_HAS_SMAP, NULL));
}

/* Clear SMAP in the shadow, defer a flush, enter, look.  Returns what CR4 had. */
static int smap_after_entry(struct oracle_shadow *shadow)
{
	int err;

	shadow->smap = 0;
	err = oracle_command(ORACLE_SHADOW_SMAP, shadow);
	if (err)
		return err;
	oracle_request(ORACLE_DRAIN);
	isolated_enter(&cpus[0], has_smap, 0);
	shadow->smap = 1;
	command(ORACLE_SHADOW_SMAP, shadow);
	return isolated_reported(&cpus[0]);
}

/* Whoever overwrites the shadow of CR4 cannot clear a pinned bit by the entry flush. */
static void test_pinned_cr4(void)
{
	static const char name[] = "an entry with a flush pending keeps SMAP in CR4";
	struct oracle_shadow shadow = { .cpu = cpus[0].cpu };
	struct counts before, after;
	int err;

	shadow.address = symbol_address("cpu_tlbstate");
	/* Where nothing is deferred, a flush by IPI would find the shadow and warn. */
	if (!defers || !cpu_has("smap") || !shadow.address) {
		ksft_test_result_skip("%s: nothing is deferred, or no SMAP, or no address\n", name);
		return;
	}
	counts_read(cpus[0].cpu, &before);
	err = smap_after_entry(&shadow);
	counts_read(cpus[0].cpu, &after);
	after.entry_flushes -= before.entry_flushes;
	ksft_print_msg("entry flushes: %lu; SMAP is %s\n", after.entry_flushes,
		       err ? "clear" : "set");
	if (err == ENOENT)
		ksft_test_result_skip("%s: no shadow found\n", name);
	else
		ksft_test_result(!err && after.entry_flushes, "%s\n", name);
}

int main(void)
{
	ksft_print_header();
	n_cpus = isolated_start(cpus);
	defers = coalesce_defers();
	ksft_print_msg("mode %s, %d isolated CPUs\n", coalesce_mode(), n_cpus);

	ksft_set_plan(9);
	test_memory_type();
	test_purge_helpers();
	test_table_freed();
	test_huge_change();
	test_nothing_to_force();
	test_size_changed();
	test_pinned_cr4();
	isolated_stop(cpus, n_cpus);
	ksft_finished();
}
