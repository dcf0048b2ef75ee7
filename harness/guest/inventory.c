// SPDX-License-Identifier: GPL-2.0
/*
 * inventory [NAME]...: the measurement of "make bench": the IPIs and interrupts of an
 * isolated CPU in user mode while a housekeeping CPU does one operation after the
 * other.  Prints, separated by tabs,
 *
 *	operation NAME OPERATIONS CALLS INTERRUPTS REPEATED UNCLEAR SPLITS KIND
 *	call NAME FUNCTION COUNT DEFERRABLE
 *	row NAME ROW COUNT
 *	sent NAME FUNCTION COUNT
 *	missing NAME REASON
 *
 * summed over the isolated CPUs.  CALLS counts the IPIs that can be deferred; the
 * "call" lines give all IPIs by callback, with DEFERRABLE 1 for those.  INTERRUPTS
 * counts all interrupts; the "row" lines give them by row of /proc/interrupts.  "sent"
 * counts deferrable IPIs to CPUs whose state said user mode, also in batches that are
 * repeated, unless a split is the reason.
 *
 * Where IPIs are deferred, a batch is REPEATED if a deferrable IPI came among other
 * interrupts, or with a split of a huge page.  After MAX_REPEATS it is used all the
 * same, and is UNCLEAR.  SPLITS counts the splits of all batches, repeated ones too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest.h"
#include "counts.h"
#include "operations.h"

#define BATCH		10
#define BATCHES		10
#define MAX_REPEATS	20

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;

/**
 * struct sums - sums of one operation
 * @calls: deferrable IPIs received
 * @interrupts: interrupts received, IPIs included
 * @by_function: IPIs by callback
 * @by_row: interrupts by row
 * @sent: deferrable IPIs to a CPU in user mode, by callback
 */
struct sums {
	unsigned long calls;
	unsigned long interrupts;
	struct tally by_function;
	struct tally by_row;
	struct tally sent;
};

/**
 * struct doubts - doubts about one operation
 * @repeated: batches that were repeated
 * @unclear: batches that should have been
 * @splits: huge pages that were split
 */
struct doubts {
	int repeated;
	int unclear;
	unsigned long splits;
};

static int run_batch(const struct operation *op, struct sums *sums)
{
	struct tally rows_before = { .n = 0 };
	struct counts after;
	struct batch batch;
	int i, err = 0;

	batch_begin(&batch, cpus, n_cpus);
	sent_start();
	for (i = 0; i < n_cpus; i++)
		tally_rows(&rows_before, cpus[i].cpu);
	for (i = 0; i < BATCH && !err; i++)
		err = op->operate();
	for (i = 0; i < n_cpus; i++) {
		tally_rows(&sums->by_row, cpus[i].cpu);
		counts_read(cpus[i].cpu, &after);
		sums->interrupts += after.interrupts - batch.before[i].interrupts;
		tally_callbacks(&sums->by_function, cpus[i].cpu);
	}
	sent_tally(&sums->sent);
	sums->calls = tally_deferrable(&sums->by_function);
	tally_subtract(&sums->by_row, &rows_before);
	return err;
}

/* True if what came from @before to @after may be legal, or come from a split. */
static bool unclear(const struct operation *op, const struct sums *before,
		    const struct sums *after, unsigned long splits)
{
	unsigned long calls = after->calls - before->calls;

	if (!coalesce_defers() || op->kind >= FORCED || !calls)
		return false;
	if (op->kind == IN_KERNEL)
		return splits;
	return splits || after->interrupts - before->interrupts > calls;
}

static int batches(const struct operation *op)
{
	return op->slow ? 1 : BATCHES;
}

static int run(const struct operation *op, struct sums *sums, struct doubts *doubts)
{
	unsigned long splits;
	struct sums before;
	int done, err = 0;

	for (done = 0; done < batches(op) && !err; done++) {
		before = *sums;
		splits = huge_page_splits();
		err = run_batch(op, sums);
		splits = huge_page_splits() - splits;
		doubts->splits += splits;
		if (!unclear(op, &before, sums, splits))
			continue;
		if (doubts->repeated >= MAX_REPEATS) {
			doubts->unclear++;
			continue;
		}
		doubts->repeated++;
		if (!splits)
			before.sent = sums->sent;
		*sums = before;
		done--;
	}
	return err;
}

static void print_calls(const char *name, const struct tally *tally)
{
	int i;

	for (i = 0; i < tally->n; i++)
		printf("call\t%s\t%s\t%lu\t%d\n", name, tally->entry[i].name,
		       tally->entry[i].n, is_deferrable(tally->entry[i].name));
}

static void print_tally(const char *kind, const char *name, const struct tally *tally)
{
	int i;

	for (i = 0; i < tally->n; i++)
		if (tally->entry[i].n)
			printf("%s\t%s\t%s\t%lu\n", kind, name, tally->entry[i].name,
			       tally->entry[i].n);
}

static void measure(const struct operation *op)
{
	static const char * const kinds[] = { "deferrable", "quiet", "in-kernel", "forced",
					      "other" };
	struct doubts doubts = { 0 };
	struct sums sums = { 0 };
	int err = op->operate();

	if (!err)
		err = run(op, &sums, &doubts);
	if (err) {
		printf("missing\t%s\t%s\n", op->name, strerror(err));
		return;
	}
	printf("operation\t%s\t%d\t%lu\t%lu\t%d\t%d\t%lu\t%s\n", op->name, BATCH * batches(op),
	       sums.calls, sums.interrupts, doubts.repeated, doubts.unclear, doubts.splits,
	       kinds[op->kind]);
	print_calls(op->name, &sums.by_function);
	print_tally("row", op->name, &sums.by_row);
	print_tally("sent", op->name, &sums.sent);
	fflush(stdout);
}

static bool wanted(const struct operation *op, int n_names, char **names)
{
	int i;

	for (i = 0; i < n_names; i++)
		if (!strcmp(op->name, names[i]))
			return true;
	return !n_names;
}

int main(int argc, char **argv)
{
	int i;

	n_cpus = isolated_start(cpus);
	printf("mode\t%s\ncpus\t%d\n", coalesce_mode(), n_cpus);
	operations_start();
	for (i = 0; i < n_operations; i++)
		if (wanted(&operations[i], argc - 1, argv + 1))
			measure(&operations[i]);
	isolated_stop(cpus, n_cpus);
	return 0;
}
