// SPDX-License-Identifier: GPL-2.0
/*
 * workload_ipis [-u] [TIMES]: the IPIs and interrupts of isolated CPUs that run
 * another program, while a housekeeping CPU does each operation that sends
 * IPIs TIMES times (default 10).  Prints, separated by tabs,
 *
 *	mode MODE
 *	operation NAME TIMES REPEATED UNCLEAR
 *	interrupts NAME CPU COUNT DEFERRED
 *	row NAME CPU ROW COUNT
 *	call NAME CPU FUNCTION COUNT DEFERRABLE
 *	sent NAME FUNCTION COUNT
 *	missing NAME REASON
 *
 * DEFERRED counts IPIs that were deferred; they are no interrupts.  The other fields
 * are those of inventory, but by CPU.
 *
 * -u: the program stays in user mode.  Where IPIs are deferred, a deferrable one that
 * arrived on a CPU that took other interrupts as well may have been sent while that
 * CPU was in the kernel for one of these.  Then all TIMES are repeated.  After a split
 * of a huge page they are repeated without -u, too.  UNCLEAR is 1 if MAX_REPEATS were
 * not enough.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"
#include "counts.h"
#include "operations.h"

#define DEFAULT_TIMES	10
#define MAX_REPEATS	10

/**
 * struct sums - sums of one CPU
 * @interrupts: it took
 * @around: those, and the ones that it took while IPIs were recorded
 * @deferred: IPIs to it that were deferred
 * @by_row: interrupts by row
 * @by_function: IPIs by callback
 */
struct sums {
	unsigned long interrupts;
	unsigned long around;
	unsigned long deferred;
	struct tally by_row;
	struct tally by_function;
};

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;
static bool stays_in_user_mode;

static void begin(struct counts *around, struct counts *first, struct tally *rows)
{
	int i;

	for (i = 0; i < n_cpus; i++)
		counts_read(cpus[i].cpu, &around[i]);
	/* The first time this patches text, which is not to be counted. */
	sent_start();
	flushes_start();
	for (i = 0; i < n_cpus; i++) {
		counts_read(cpus[i].cpu, &first[i]);
		tally_rows(&rows[i], cpus[i].cpu);
	}
}

/*
 * The sums of each CPU for one operation.  The rows are read between the counts, and
 * IPIs are recorded between the counts around, so that every IPI has its interrupt.
 */
static int operate(const struct operation *op, int times, struct sums *sums, struct tally *sent)
{
	static struct tally before[MAX_ISOLATED];
	struct counts around[MAX_ISOLATED], first[MAX_ISOLATED], last;
	int i, err = 0;

	memset(before, 0, sizeof(before));
	memset(sums, 0, n_cpus * sizeof(*sums));
	sent->n = 0;
	begin(around, first, before);
	for (i = 0; i < times && !err; i++)
		err = op->operate();
	for (i = 0; i < n_cpus; i++) {
		tally_rows(&sums[i].by_row, cpus[i].cpu);
		tally_subtract(&sums[i].by_row, &before[i]);
		counts_read(cpus[i].cpu, &last);
		sums[i].interrupts = last.interrupts - first[i].interrupts;
		sums[i].deferred = last.deferred - first[i].deferred;
		tally_callbacks(&sums[i].by_function, cpus[i].cpu);
		counts_read(cpus[i].cpu, &last);
		sums[i].around = last.interrupts - around[i].interrupts;
	}
	sent_tally(sent);
	return err;
}

/* True if one of the IPIs may be legal, or come from a split. */
static bool unclear(const struct sums *sums, unsigned long splits)
{
	unsigned long calls;
	int i;

	if (!coalesce_defers())
		return false;
	for (i = 0; i < n_cpus; i++) {
		calls = tally_deferrable(&sums[i].by_function);
		if (calls && (splits || (stays_in_user_mode && sums[i].around > calls)))
			return true;
	}
	return false;
}

static void tally_join(struct tally *sum, const struct tally *other)
{
	int i;

	for (i = 0; i < other->n; i++)
		tally_add(sum, other->entry[i].name, other->entry[i].n);
}

static void print_tally(const char *kind, const char *name, int cpu, const struct tally *tally)
{
	int i;

	for (i = 0; i < tally->n; i++)
		if (tally->entry[i].n)
			printf("%s\t%s\t%d\t%s\t%lu\t%d\n", kind, name, cpu, tally->entry[i].name,
			       tally->entry[i].n, is_deferrable(tally->entry[i].name));
}

static void print_sums(const char *name, const struct sums *sums, const struct tally *sent)
{
	int i;

	for (i = 0; i < n_cpus; i++) {
		printf("interrupts\t%s\t%d\t%lu\t%lu\n", name, cpus[i].cpu, sums[i].interrupts,
		       sums[i].deferred);
		print_tally("row", name, cpus[i].cpu, &sums[i].by_row);
		print_tally("call", name, cpus[i].cpu, &sums[i].by_function);
	}
	for (i = 0; i < sent->n; i++)
		printf("sent\t%s\t%s\t%lu\n", name, sent->entry[i].name, sent->entry[i].n);
}

static void measure(const struct operation *op, int times)
{
	struct tally sent, all_sent = { .n = 0 };
	static struct sums sums[MAX_ISOLATED];
	int repeats, err = op->operate();
	unsigned long splits;
	bool doubtful = false;

	for (repeats = 0; !err; repeats++) {
		splits = huge_page_splits();
		err = operate(op, times, sums, &sent);
		splits = huge_page_splits() - splits;
		/* Only a split may send IPIs to a CPU in user mode. */
		if (!splits)
			tally_join(&all_sent, &sent);
		doubtful = unclear(sums, splits);
		if (!doubtful || repeats == MAX_REPEATS)
			break;
	}
	if (err) {
		printf("missing\t%s\t%s\n", op->name, strerror(err));
		return;
	}
	printf("operation\t%s\t%d\t%d\t%d\n", op->name, times, repeats, doubtful);
	print_sums(op->name, sums, &all_sent);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int i, opt, times = DEFAULT_TIMES;

	while ((opt = getopt(argc, argv, "u")) == 'u')
		stays_in_user_mode = true;
	if (optind < argc)
		times = atoi(argv[optind++]);
	if (opt != -1 || optind < argc || times <= 0) {
		fprintf(stderr, "usage: %s [-u] [TIMES]\n", argv[0]);
		return 2;
	}
	n_cpus = isolated_find(cpus);
	printf("mode\t%s\n", coalesce_mode());
	operations_start();
	for (i = 0; i < n_operations; i++)
		if (operations[i].kind == DEFERRABLE)
			measure(&operations[i], times);
	return 0;
}
