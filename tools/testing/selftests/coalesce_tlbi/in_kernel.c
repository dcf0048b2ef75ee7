// SPDX-License-Identifier: GPL-2.0
/*
 * The counterpart of sync_ipi.c: a CPU that is in the kernel receives the IPI, in
 * every mode, and the initiator waits for it.
 *
 * An isolated CPU stays in the kernel with interrupts off until one is due, again and
 * again, while a housekeeping CPU does something that all CPUs in the kernel have to
 * synchronise with.  The isolated CPU also walks page tables, as lockless code does:
 * an entry that it found must not go away before it turns interrupts on.  The control
 * clears an entry without an IPI.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../kselftest.h"
#include "counts.h"
#include "operations.h"

#define TRIES		10
#define PAGE		4096

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;

static void stay(void)
{
	isolated_report(oracle_command(ORACLE_STAY, NULL));
}

static struct oracle_stay stayed(void)
{
	struct oracle_stay found;
	int err = oracle_command(ORACLE_STAYED, &found);

	if (err)
		ksft_exit_fail_msg("no answer about the stay: %s\n", strerror(err));
	return found;
}

/* When this returns the first isolated CPU is in the kernel, interrupts off. */
static void hold(void *address)
{
	isolated_ping(cpus, n_cpus);
	oracle_command(ORACLE_WALK_AT, address);
	isolated_ask(&cpus[0], stay, 0);
	while (!stayed().stretches)
		sched_yield();
}

static struct oracle_stay release(void)
{
	oracle_command(ORACLE_LEAVE, NULL);
	isolated_await(&cpus[0]);
	if (isolated_reported(&cpus[0]))
		ksft_exit_fail_msg("the stay ended: %s\n", strerror(isolated_reported(&cpus[0])));
	return stayed();
}

static void test_operation(const struct operation *op)
{
	const char *call = coalesce_defers() ? op->our_call : op->call;
	const char *or_call = coalesce_defers() ? op->or_our_call : op->or_call;
	struct tally all = { .n = 0 };
	unsigned long calls;
	int i, err;

	if (!has_function(op->call)) {
		ksft_test_result_skip("%s: no %s in this kernel\n", op->name, op->call);
		return;
	}
	err = op->operate();
	if (err) {
		ksft_test_result_skip("%s: not in this kernel: %s\n", op->name, strerror(err));
		return;
	}
	hold(NULL);
	flushes_start();
	err = op->operate();
	release();
	if (err)
		ksft_exit_fail_msg("%s: %s\n", op->name, strerror(err));
	calls = callbacks_received(cpus[0].cpu, call);
	if (or_call)
		calls += callbacks_received(cpus[0].cpu, or_call);
	tally_callbacks(&all, cpus[0].cpu);
	for (i = 0; i < all.n; i++)
		ksft_print_msg("%s: %lu calls of %s\n", op->name, all.entry[i].n,
			       all.entry[i].name);
	ksft_test_result(calls, "%s: a CPU in the kernel receives the IPI\n", op->name);
}

static int unmap_first(void *start)
{
	return munmap(start, PAGE) ? errno : 0;
}

/* Returns how many walks found an entry; @changed: those whose entry then changed. */
static int walk_during(int (*change)(void *start), int *changed)
{
	int walks = 0, i, err;

	*changed = 0;
	for (i = 0; i < TRIES; i++) {
		struct oracle_stay found;
		void *start = small_pages_map();

		if (!start)
			ksft_exit_fail_msg("no memory for small pages\n");
		hold(start);
		err = change(start);
		found = release();
		small_pages_unmap(start);
		if (err)
			return 0;
		walks += found.walks;
		*changed += found.changed;
	}
	return walks;
}

/*
 * The CPU walks the tables of another process, whose flushes do not reach it.  Only
 * the IPI that the collapse waits for keeps the entry in place.
 */
static void test_walk(void)
{
	int changed, walks = walk_during(small_pages_collapse, &changed);

	ksft_print_msg("walk: %d walks, %d entries changed meanwhile\n", walks, changed);
	if (!walks)
		ksft_test_result_skip("walk: no pages to collapse in this kernel\n");
	else if (!has_function("tlb_remove_table_smp_sync"))
		ksft_test_result_skip("walk: this kernel sends no IPI for a page table\n");
	else
		ksft_test_result(!changed, "walk: a collapse waits for the walk\n");

	walks = walk_during(unmap_first, &changed);
	ksft_print_msg("walk: control: %d walks, %d entries changed meanwhile\n", walks, changed);
	ksft_test_result(changed, "control: walk: an entry that is cleared meanwhile is seen\n");
}

int main(void)
{
	int i, calls = 0;

	ksft_print_header();
	n_cpus = isolated_start(cpus);
	ksft_print_msg("mode %s, CPU %d\n", coalesce_mode(), cpus[0].cpu);
	for (i = 0; i < n_operations; i++)
		calls += !!operations[i].call;
	ksft_set_plan(calls + 2);
	operations_start();
	for (i = 0; i < n_operations; i++)
		if (operations[i].call)
			test_operation(&operations[i]);
	test_walk();
	isolated_stop(cpus, n_cpus);
	ksft_finished();
}
