// SPDX-License-Identifier: GPL-2.0
/*
 * An isolated CPU that was in user mode during a flush must not read through the
 * old translation afterwards, in any mode.  The control moves the address without a
 * flush, and stale reads must then be seen.  Otherwise this machine cannot show a
 * missing flush, and "nothing stale" means nothing.
 */
#include <string.h>

#include "../kselftest.h"
#include "counts.h"

#define ROUNDS		200
#define CONTROL_ROUNDS	20

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;

static int stale_reads(unsigned long request, int rounds)
{
	int stale = 0;

	while (rounds--)
		stale += oracle_round(cpus, n_cpus, request);
	return stale;
}

static void test_control(void)
{
	int stale = stale_reads(ORACLE_REMAP_NO_FLUSH, CONTROL_ROUNDS);

	ksft_print_msg("no flush: %d of %d reads were stale\n", stale, CONTROL_ROUNDS * n_cpus);
	if (!staleness_shows() && !cpu_has("pti"))
		ksft_test_result_fail("control: entries flush without page-table isolation\n");
	else if (!staleness_shows())
		ksft_test_result_skip("not observable: entries flush the TLB here\n");
	else if (!strcmp(coalesce_mode(), "always"))
		ksft_test_result(!stale, "mode always: an entry flushes with nothing deferred\n");
	else
		ksft_test_result(stale, "control: without a flush stale reads are seen\n");
}

static void test_remap(void)
{
	int stale = stale_reads(ORACLE_REMAP, ROUNDS);

	ksft_print_msg("flush deferrable: %d of %d reads were stale\n", stale, ROUNDS * n_cpus);
	if (staleness_shows())
		ksft_test_result(!stale, "nothing stale after a deferrable flush\n");
	else if (stale)
		ksft_test_result_fail("nothing stale after a deferrable flush\n");
	else
		ksft_test_result_skip("not observable: entries flush the TLB here\n");
}

int main(void)
{
	ksft_print_header();
	n_cpus = isolated_start(cpus);
	ksft_print_msg("mode %s, %d isolated CPUs\n", coalesce_mode(), n_cpus);
	machine_print();

	ksft_set_plan(2);
	test_control();
	test_remap();
	isolated_stop(cpus, n_cpus);
	ksft_finished();
}
