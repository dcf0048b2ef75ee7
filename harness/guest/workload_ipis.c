// SPDX-License-Identifier: GPL-2.0
/*
 * workload_ipis [-u] [TIMES]: what interrupts isolated CPUs on which somebody else's program
 * runs, while a housekeeping CPU does TIMES times (default 10) each thing that has
 * other CPUs take note of it.  Prints, separated by tabs,
 *
 *	mode MODE
 *	operation NAME TIMES REPEATED UNCLEAR
 *	interrupts NAME CPU COUNT NOT-SENT
 *	row NAME CPU ROW COUNT
 *	call NAME CPU FUNCTION COUNT DEFERRABLE
 *	sent NAME FUNCTION COUNT
 *	missing NAME REASON
 *
 * NOT-SENT is the CTI row of /proc/interrupts, and no interrupt; the other words are
 * those of inventory, but by CPU.
 *
 * -u: the program stays in user mode.  Where calls are deferred, one that can be and
 * arrived on a CPU that took other interrupts as well may have been sent while that was
 * in the kernel for one of these: all TIMES are done again.  After a split of a large
 * page that is so without -u, too.  If there is no end to it, it is UNCLEAR (1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"
#include "isolated.h"
#include "operations.h"

#define DEFAULT_TIMES	10
#define MAX_REPEATS	10

/**
 * struct sums - of one CPU
 * @interrupts: it received
 * @around: those, and what it received while its calls were recorded
 * @not_sent: that it was spared
 * @by_row: interrupts by row
 * @by_function: calls by function
 */
struct sums {
	unsigned long interrupts;
	unsigned long around;
	unsigned long not_sent;
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
	/* The first time, this patches text: not to be counted. */
	sent_start();
	flushes_start();
	for (i = 0; i < n_cpus; i++) {
		counts_read(cpus[i].cpu, &first[i]);
		tally_rows(&rows[i], cpus[i].cpu);
	}
}

/*
 * The sums of each CPU for one operation.  The rows are read between the counts, and
 * the calls are recorded between the counts around: a call is never without its
 * interrupt.
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
		sums[i].not_sent = last.deferred - first[i].deferred;
		tally_callbacks(&sums[i].by_function, cpus[i].cpu);
		counts_read(cpus[i].cpu, &last);
		sums[i].around = last.interrupts - around[i].interrupts;
	}
	sent_tally(sent);
	return err;
}

/* May one of the calls have been legal, or a split's? */
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
		       sums[i].not_sent);
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
		splits = large_page_splits();
		err = operate(op, times, sums, &sent);
		splits = large_page_splits() - splits;
		/* What was sent to a CPU in user mode is legal for a split only. */
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
