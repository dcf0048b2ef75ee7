// SPDX-License-Identifier: GPL-2.0
/*
 * Guest half of the window test: an isolated CPU enters the kernel owing a flush,
 * again and again, while the host places NMIs on chosen instructions of that
 * entry (proof/windows).  Each NMI reads through the oracle's address, and must
 * reach the page that it is mapped to: the flush for the old one has returned.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../kselftest.h"
#include "isolated.h"

int main(int argc, char **argv)
{
	int n, got = 0, want, rounds, stale_nmis = 0, stale_reads = 0;
	struct isolated cpus[MAX_ISOLATED];
	struct oracle_nmi nmi = { 0 };

	want = argc == 2 ? atoi(argv[1]) : 0;
	if (want <= 0) {
		fprintf(stderr, "usage: %s NMIS\n", argv[0]);
		return 2;
	}

	ksft_print_header();
	ksft_set_plan(2);
	n = isolated_start(cpus);
	oracle_watch_nmi(cpus[0].cpu, &nmi);
	ksft_print_msg("mode %s, waiting for %d NMIs on CPU %d\n", coalesce_mode(), want,
		       cpus[0].cpu);

	for (rounds = 0; got < want; rounds++) {
		stale_reads += oracle_round(cpus, n, ORACLE_REMAP);
		oracle_watch_nmi(cpus[0].cpu, &nmi);
		if (nmi.count == got)
			continue;
		got = nmi.count;
		ksft_print_msg("nmi %d: %s\n", got, nmi.seen == nmi.mapped ? "fresh" : "stale");
		stale_nmis += nmi.seen != nmi.mapped;
	}
	ksft_print_msg("%d rounds\n", rounds);
	ksft_test_result(!stale_nmis, "no NMI read through a flushed translation\n");
	ksft_test_result(!stale_reads, "no system call read through a flushed translation\n");
	isolated_stop(cpus, n);
	ksft_finished();
}
