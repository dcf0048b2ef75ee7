// SPDX-License-Identifier: GPL-2.0
/*
 * The measurement of "make run": how many IPIs isolated CPUs receive while a
 * housekeeping CPU maps, unmaps and flushes, and whether any of them then reads
 * through a stale translation.  Prints one "name value" per line, and the events of
 * the first CPU in the last batch of rounds with their times.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kselftest.h"
#include "counts.h"

#define CONTROL_ROUNDS	16
#define BATCH_ROUNDS	20
#define MAX_REPEATS	20

static unsigned long entry_flushes(struct isolated *cpus, int n)
{
	struct counts c;
	unsigned long sum = 0;
	int i;

	for (i = 0; i < n; i++) {
		counts_read(cpus[i].cpu, &c);
		sum += c.entry_flushes;
	}
	return sum;
}

/* Totals over the rounds that are counted. */
struct totals {
	unsigned long received;
	unsigned long deferred;
	int stale;
	int repeated;
};

/*
 * Rounds in batches.  A batch is repeated if a flush IPI may have been sent to a CPU
 * that was in the kernel for another reason.  A stale read is counted in any case.
 */
static void run_rounds(struct isolated *cpus, int n, int rounds, struct totals *t)
{
	enum verdict verdict;
	struct batch batch;
	int i, size, done = 0;

	while (done < rounds) {
		size = rounds - done < BATCH_ROUNDS ? rounds - done : BATCH_ROUNDS;
		batch_begin(&batch, cpus, n);
		for (i = 0; i < size; i++)
			t->stale += oracle_round(cpus, n, ORACLE_REMAP);
		verdict = batch_end(&batch, cpus, n);

		if (coalesce_defers() && verdict == BATCH_STRAY &&
		    t->repeated < MAX_REPEATS * BATCH_ROUNDS) {
			t->repeated += size;
			continue;
		}
		done += size;
		for (i = 0; i < n; i++) {
			t->received += batch.received[i];
			t->deferred += batch.deferred[i];
		}
	}
}

int main(int argc, char **argv)
{
	struct isolated cpus[MAX_ISOLATED];
	struct totals t = { 0 };
	int n, i, control = 0, rounds = 0;
	unsigned long flushes;
	char *end = "";

	if (argc == 2)
		rounds = strtol(argv[1], &end, 10);
	if (rounds <= 0 || *end) {
		fprintf(stderr, "usage: %s ROUNDS\n", argv[0]);
		return 2;
	}

	n = isolated_start(cpus);
	for (i = 0; i < CONTROL_ROUNDS; i++)
		control += oracle_round(cpus, n, ORACLE_REMAP_NO_FLUSH);
	flushes = entry_flushes(cpus, n);
	run_rounds(cpus, n, rounds, &t);
	flushes = entry_flushes(cpus, n) - flushes;
	printf("timeline_cpu %d\n", cpus[0].cpu);
	events_print(cpus[0].cpu);
	isolated_stop(cpus, n);

	printf("mode %s\n", coalesce_mode());
	printf("cpus %d\n", n);
	printf("rounds %d\n", rounds);
	printf("repeated %d\n", t.repeated);
	printf("ipis %lu\n", t.received);
	printf("deferred %lu\n", t.deferred);
	printf("entry_flushes %lu\n", flushes);
	if (staleness_shows()) {
		printf("stale %d\n", t.stale);
		printf("control_reads %d\n", CONTROL_ROUNDS * n);
		printf("control_stale %d\n", control);
	} else {
		printf("stale null\ncontrol_reads null\ncontrol_stale null\n");
	}
	return 0;
}
