// SPDX-License-Identifier: GPL-2.0
/*
 * No flush IPI reaches an isolated CPU in user mode, and every deferred one is
 * counted.  Control: in mode off, or without the option, every flush IPI must arrive.
 *
 * An IPI that is sent while the target is in the kernel for another reason is
 * legal.  A batch in which that may have happened is repeated, at most MAX_REPEATS
 * times.
 */
#include <string.h>

#include "../kselftest.h"
#include "counts.h"

#define BATCHES		20
#define DRAINS		50	/* in a batch */
#define MAX_REPEATS	10

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;
static bool defers;

/* Every IPI for a flush that was requested arrived or was counted as deferred. */
static bool adds_up(const struct batch *batch)
{
	bool ok = true;
	int i;

	for (i = 0; i < n_cpus; i++) {
		if (batch->received[i] + batch->deferred[i] == batch->requested)
			continue;
		ksft_print_msg("CPU %d: %lu requested, %lu received, %lu deferred\n", cpus[i].cpu,
			       batch->requested, batch->received[i], batch->deferred[i]);
		ok = false;
	}
	return ok;
}

/* Each deferred IPI has its trace event; a mode that defers nothing has none. */
static bool is_traced(const struct batch *batch)
{
	unsigned long drains;
	bool ok = true;
	int i;

	for (i = 0; i < n_cpus; i++) {
		drains = deferrals_traced(cpus[i].cpu, "__purge_vmap_area_lazy+");
		if (batch->traced[i] == batch->deferred[i] && (drains || !batch->deferred[i]))
			continue;
		ksft_print_msg("CPU %d: %lu deferred, %lu traced, %lu of a purge\n", cpus[i].cpu,
			       batch->deferred[i], batch->traced[i], drains);
		ok = false;
	}
	return ok;
}

/* Drain while all CPUs are in user mode; check what arrives and the counters. */
static void test_user_mode(void)
{
	bool skipped = true, counted = true, traced = true;
	int done = 0, repeats = 0, i;
	enum verdict verdict;
	struct batch batch;

	while (done < BATCHES && repeats <= MAX_REPEATS) {
		batch_begin(&batch, cpus, n_cpus);
		for (i = 0; i < DRAINS; i++)
			oracle_request(ORACLE_DRAIN);
		verdict = batch_end(&batch, cpus, n_cpus);

		if (batch.requested < DRAINS)
			ksft_exit_fail_msg("%lu flushes from %d drains\n", batch.requested,
					   DRAINS);
		counted = adds_up(&batch) && counted;
		traced = is_traced(&batch) && traced;
		skipped = skipped && verdict < (defers ? BATCH_RECEIVED : BATCH_STRAY);
		if (defers && verdict == BATCH_STRAY)
			repeats++;
		else
			done++;
	}
	if (defers)
		ksft_test_result(skipped && done == BATCHES,
				 "in user mode: no flush IPI arrives\n");
	else
		ksft_test_result(!skipped, "control: nothing is deferred, flush IPIs arrive\n");
	ksft_test_result(counted, "every flush IPI arrives or is counted as deferred, once\n");
	if (defers)
		ksft_test_result(traced,
				 "every deferred IPI is traced, with the drain as its caller\n");
	else
		ksft_test_result_skip("nothing is deferred in this mode\n");
}

/* The other housekeeping CPUs receive every flush IPI, as before. */
static void test_housekeeping(void)
{
	unsigned long requested;
	struct flushes f;
	int i, cpu, checked = 0;
	bool ok = true;

	flushes_start();
	for (i = 0; i < DRAINS; i++)
		oracle_request(ORACLE_DRAIN);
	requested = flushes_requested();

	for (cpu = 0; cpu < cpus[0].cpu; cpu++) {
		flushes_read(cpu, &f);
		if (f.requested == requested)
			continue;
		checked++;
		ok = ok && f.received == requested - f.requested;
	}
	if (checked)
		ksft_test_result(ok, "housekeeping CPUs receive every flush IPI\n");
	else
		ksft_test_result_skip("only one housekeeping CPU below the isolated ones\n");
}

/* One flush at the next entry replaces all flushes that were deferred before it. */
static void test_one_flush(void)
{
	struct counts before, after;
	unsigned long flushes, entries;
	int i, seen;

	if (strcmp(coalesce_mode(), "pending")) {
		ksft_test_result_skip("mode pending only\n");
		return;
	}
	isolated_read_all(cpus, 1, &seen);
	counts_read(cpus[0].cpu, &before);
	for (i = 0; i < DRAINS; i++)
		oracle_request(ORACLE_DRAIN);
	isolated_read_all(cpus, 1, &seen);
	counts_read(cpus[0].cpu, &after);

	flushes = after.entry_flushes - before.entry_flushes;
	entries = after.interrupts - before.interrupts + 1;
	ksft_print_msg("%lu flushes in %lu entries for %d drains\n", flushes, entries, DRAINS);
	ksft_test_result(flushes >= 1 && flushes <= entries, "at most one flush per entry\n");
}

/* The least number of flush IPIs that one request sends to any CPU. */
static unsigned long least_received(unsigned long request)
{
	unsigned long least = -1;
	struct flushes f;
	int i;

	flushes_start();
	oracle_request(request);
	for (i = 0; i < n_cpus; i++) {
		flushes_read(cpus[i].cpu, &f);
		if (f.received < least)
			least = f.received;
	}
	return least;
}

/* The least number of interrupts that any CPU took since @before. */
static unsigned long least_interrupts(const struct counts *before)
{
	unsigned long least = -1;
	struct counts after;
	int i;

	for (i = 0; i < n_cpus; i++) {
		counts_read(cpus[i].cpu, &after);
		if (after.interrupts - before[i].interrupts < least)
			least = after.interrupts - before[i].interrupts;
	}
	return least;
}

/*
 * After vm_unmap_aliases() no flush is pending on any CPU: each has entered the
 * kernel since the drain, by the forced flush or by another interrupt.  The control
 * is a drain alone, after which one has not.
 */
static void test_unmap_aliases(void)
{
	struct counts before[MAX_ISOLATED];
	unsigned long drained = 1, forced = 0;
	int i, tries;

	if (!defers) {
		ksft_test_result_skip("nothing is deferred in this mode\n");
		return;
	}
	for (tries = 0; drained && tries < MAX_REPEATS; tries++) {
		for (i = 0; i < n_cpus; i++)
			counts_read(cpus[i].cpu, &before[i]);
		oracle_request(ORACLE_DRAIN);
		drained = least_interrupts(before);
		oracle_request(ORACLE_UNMAP_ALIASES);
		forced = least_interrupts(before);
	}
	ksft_print_msg("least interrupts of a CPU: %lu drained, %lu forced\n", drained, forced);
	ksft_test_result(!drained && forced, "vm_unmap_aliases() flushes what is pending\n");
}

/* A huge mapping is flushed on every CPU immediately; the control is a small page. */
static void test_huge(void)
{
	unsigned long huge = least_received(ORACLE_DRAIN_HUGE);

	ksft_test_result(huge > flushes_of_shadow(),
			 "a flush for a huge mapping is not deferred\n");
}

int main(void)
{
	const char *mode;

	ksft_print_header();
	n_cpus = isolated_start(cpus);
	mode = coalesce_mode();
	defers = coalesce_defers();
	ksft_print_msg("mode %s, %d isolated CPUs\n", mode, n_cpus);

	ksft_set_plan(7);
	test_user_mode();
	test_housekeeping();
	test_one_flush();
	test_unmap_aliases();
	test_huge();
	isolated_stop(cpus, n_cpus);
	ksft_finished();
}
