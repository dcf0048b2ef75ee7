// SPDX-License-Identifier: GPL-2.0
/*
 * IPIs that synchronise other CPUs with a change of kernel text, page attributes or
 * page tables: none reaches an isolated CPU in user mode, and a CPU that was skipped
 * then runs the new text and obeys the new attributes.  Control: in mode off, or
 * without the option, they must arrive.
 *
 * An IPI that is sent while the target is in the kernel for another reason is legal.
 * A batch in which that may have happened is repeated.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kselftest.h"
#include "counts.h"
#include "operations.h"

#define OPERATIONS	10	/* in a batch */
#define MAX_REPEATS	20
#define TRIES		10
#define MAX_WAITS	10000

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;
static bool defers;

/*
 * Operate on a housekeeping CPU with the isolated ones in user mode, and judge what
 * these received as batch_end() judges flushes.  @sum: IPIs that could be deferred.
 */
static enum verdict run_batch(const struct operation *op, unsigned long *sum)
{
	unsigned long received, interrupts, splits;
	enum verdict verdict = BATCH_DEFERRED;
	struct counts after;
	struct tally calls;
	struct batch batch;
	int i, err = 0;

	*sum = 0;
	batch_begin(&batch, cpus, n_cpus);
	splits = huge_page_splits();
	for (i = 0; i < OPERATIONS && !err; i++)
		err = op->operate();
	if (err)
		ksft_exit_fail_msg("%s: %s\n", op->name, strerror(err));

	for (i = 0; i < n_cpus; i++) {
		counts_read(cpus[i].cpu, &after);
		memset(&calls, 0, sizeof(calls));
		tally_callbacks(&calls, cpus[i].cpu);
		received = tally_deferrable(&calls);
		interrupts = after.interrupts - batch.before[i].interrupts;
		*sum += received;
		if (received && interrupts <= received)
			verdict = BATCH_RECEIVED;
		else if (received && verdict == BATCH_DEFERRED)
			verdict = BATCH_STRAY;
	}
	/* A split sends every CPU an IPI that cannot be deferred. */
	if (verdict == BATCH_RECEIVED && huge_page_splits() != splits)
		verdict = BATCH_STRAY;
	return verdict;
}

static void test_operation(const struct operation *op)
{
	int err = op->operate(), repeats = 0;
	enum verdict verdict;
	unsigned long sum;

	if (err) {
		ksft_test_result_skip("%s: not in this kernel: %s\n", op->name, strerror(err));
		return;
	}
	do {
		verdict = run_batch(op, &sum);
	} while (defers && verdict == BATCH_STRAY && ++repeats < MAX_REPEATS);

	ksft_print_msg("%s: %d operations: %lu IPIs received, %d batches unclear\n",
		       op->name, OPERATIONS, sum, repeats);
	if (defers)
		ksft_test_result(verdict == BATCH_DEFERRED, "%s: no IPI arrives\n",
				 op->name);
	else if (!sum && op->kind == QUIET)
		ksft_test_result_skip("control: %s: sends no IPI on this kernel\n", op->name);
	else
		ksft_test_result(sum, "control: %s: IPIs arrive\n", op->name);
}

/* Operate once; returns how many IPIs were sent to a CPU in user mode. */
static unsigned long run_in_kernel(const struct operation *op, struct tally *to_user_mode,
				   unsigned long *received)
{
	struct tally calls = { .n = 0 };
	int i, err;

	to_user_mode->n = 0;
	isolated_ping(cpus, n_cpus);
	flushes_start();
	sent_start();
	err = op->operate();
	if (err)
		ksft_exit_fail_msg("%s: %s\n", op->name, strerror(err));
	for (i = 0; i < n_cpus; i++)
		tally_callbacks(&calls, cpus[i].cpu);
	*received = tally_deferrable(&calls);
	return sent_tally(to_user_mode);
}

/*
 * The operation also makes the CPUs run something else, so that they are in the
 * kernel at times, and then they must receive the IPI.  So the number of IPIs says
 * nothing, but none must be sent to a CPU whose state says user mode.  The operation
 * is repeated if a huge page was split meanwhile, which sends an IPI to all CPUs.
 */
static void test_in_kernel(const struct operation *op)
{
	unsigned long sent, received, splits;
	struct tally to_user_mode;
	int i, repeats = 0, err = op->operate();

	if (err || !sent_start()) {
		ksft_test_result_skip("%s: not in this kernel: %s\n", op->name, strerror(err));
		return;
	}
	do {
		splits = huge_page_splits();
		sent = run_in_kernel(op, &to_user_mode, &received);
	} while (defers && sent && huge_page_splits() != splits && ++repeats < MAX_REPEATS);

	ksft_print_msg("%s: %lu IPIs received, %lu sent to user mode, %d repeats\n",
		       op->name, received, sent, repeats);
	for (i = 0; i < to_user_mode.n; i++)
		ksft_print_msg("%s: %lu of %s\n", op->name, to_user_mode.entry[i].n,
			       to_user_mode.entry[i].name);
	if (defers)
		ksft_test_result(!sent, "%s: no IPI is sent to a CPU in user mode\n", op->name);
	else
		ksft_test_result(received, "control: %s: IPIs arrive\n", op->name);
}

static unsigned long interrupts_of(const struct isolated *iso)
{
	struct counts c;

	counts_read(iso->cpu, &c);
	return c.interrupts;
}

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

/* How often the first isolated CPU hits the probe in one system call. */
static int passes(void)
{
	struct oracle_arm arm = { .cpu = cpus[0].cpu, .watched = cpus[0].cpu };
	struct oracle_hit hit = { 0 };

	oracle_command(ORACLE_ARM, &arm);
	isolated_enter(&cpus[0], call_getppid, 0);
	oracle_command(ORACLE_HIT, &hit);
	return hit.count;
}

/*
 * Text is patched while the CPU is in user mode.  Its next system call runs the new
 * text, once the probe is set and once it is removed.  The pending flush ensures that.
 */
static void test_text(void)
{
	int skipped = 0, pending = 0, with = 0, without = 0, i;
	unsigned long before;
	enum pending found;

	for (i = 0; i < TRIES; i++) {
		isolated_ping(cpus, n_cpus);
		before = interrupts_of(&cpus[0]);
		if (operate_probe("function:__x64_sys_getppid")) {
			ksft_test_result_skip("text: no such function to probe\n");
			ksft_test_result_skip("text: no such function to probe\n");
			return;
		}
		found = isolated_pending(&cpus[0], before);
		skipped += found != PENDING_UNCLEAR;
		pending += found == PENDING_FLUSH;
		with += passes() == 1;
		operate_probe("");
		without += passes() == 0;
	}
	ksft_print_msg("text: %d tries: %d skipped, %d of them pending; new text %d, old %d\n",
		       TRIES, skipped, pending, with, without);
	ksft_test_result(with == TRIES && without == TRIES,
			 "text: the next entry runs the new text\n");
	if (defers)
		ksft_test_result(skipped && pending == skipped,
				 "text: a flush is pending on a CPU that was skipped\n");
	else
		ksft_test_result(!skipped, "control: text: every CPU receives an IPI\n");
}

static void write_to_page(void)
{
	isolated_report(oracle_command(ORACLE_WRITE, NULL));
}

/* A change that fails would make the control pass. */
static void protect(enum oracle_protection how)
{
	int err = oracle_command(ORACLE_PROTECT, (void *)how);

	if (err)
		ksft_exit_fail_msg("attributes: change %d: %s\n", how, strerror(err));
}

/* One try: 0 if the CPU could write after @how, and its error number if not. */
static int write_after(enum oracle_protection how, bool *skipped)
{
	unsigned long before;

	protect(ORACLE_WRITABLE);
	isolated_enter(&cpus[0], write_to_page, 0);
	if (isolated_reported(&cpus[0]))
		ksft_exit_fail_msg("cannot write to a writable page: %s\n",
				   strerror(isolated_reported(&cpus[0])));
	before = interrupts_of(&cpus[0]);
	protect(how);
	*skipped = interrupts_of(&cpus[0]) == before;
	isolated_enter(&cpus[0], write_to_page, 0);
	return isolated_reported(&cpus[0]);
}

/*
 * A page becomes read-only while the CPU, which has a writable translation of it, is
 * in user mode: kernel code after the next entry cannot write to it.  The control
 * changes the page-table entry without a flush.
 */
static void test_attributes(void)
{
	int refused = 0, skipped = 0, written = 0, i;
	bool untouched;

	if (operate_attributes()) {
		ksft_test_result_skip("attributes: not in this kernel\n");
		ksft_test_result_skip("attributes: not in this kernel\n");
		return;
	}
	for (i = 0; i < TRIES; i++) {
		refused += write_after(ORACLE_READ_ONLY, &untouched) == ERANGE;
		skipped += untouched;
	}
	ksft_print_msg("attributes: %d tries: %d skipped, %d refused\n", TRIES, skipped,
		       refused);
	ksft_test_result(refused == TRIES && (defers ? skipped : !skipped),
			 "attributes: in force at the next entry\n");

	for (i = 0; i < TRIES; i++)
		written += !write_after(ORACLE_READ_ONLY_NO_FLUSH, &untouched);
	protect(ORACLE_WRITABLE);
	ksft_print_msg("attributes: no flush: %d of %d written\n", written, TRIES);
	if (!staleness_shows() || !strcmp(coalesce_mode(), "always"))
		ksft_test_result_skip("control: attributes: not observable here\n");
	else
		ksft_test_result(written,
				 "control: attributes: without a flush the write succeeds\n");
}

/* The flush with which the per-CPU allocator frees pages is deferred. */
static void test_percpu(void)
{
	unsigned long deferred = 0;
	int err, i;

	if (!defers) {
		ksft_test_result_skip("per-CPU memory: nothing is deferred in this mode\n");
		return;
	}
	/* Its purge cannot be deferred, but it concerns no other range. */
	oracle_command(ORACLE_FREE_HUGE, NULL);
	flushes_start();
	err = oracle_command(ORACLE_PERCPU, NULL);
	if (err) {
		ksft_test_result_skip("per-CPU memory: %s\n", strerror(err));
		return;
	}
	for (i = 0; !deferred && i < MAX_WAITS; i++) {
		sched_yield();
		deferred = deferrals_traced(cpus[0].cpu, "pcpu_");
	}
	ksft_print_msg("per-CPU memory: %lu flushes deferred\n", deferred);
	ksft_test_result(deferred, "per-CPU memory: its flush is deferred\n");
}

int main(void)
{
	int i, claimed = 0;

	ksft_print_header();
	n_cpus = isolated_start(cpus);
	defers = coalesce_defers();
	ksft_print_msg("mode %s, %d isolated CPUs\n", coalesce_mode(), n_cpus);

	for (i = 0; i < n_operations; i++)
		claimed += operations[i].kind < FORCED;
	ksft_set_plan(claimed + 5);
	operations_start();
	for (i = 0; i < n_operations; i++) {
		if (operations[i].kind == IN_KERNEL)
			test_in_kernel(&operations[i]);
		else if (operations[i].kind < FORCED)
			test_operation(&operations[i]);
	}
	test_text();
	test_attributes();
	test_percpu();
	isolated_stop(cpus, n_cpus);
	ksft_finished();
}
