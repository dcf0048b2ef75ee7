// SPDX-License-Identifier: GPL-2.0
/*
 * An oops between an exit hook and the next entry hook ends without a hook.  Afterwards
 * the CPU is idle, in the kernel, and must count as such: its state is LOADED and it
 * receives flush IPIs.  The oops in the kernel log is intended.
 */
#include <stdio.h>
#include <string.h>

#include "kselftest.h"
#include "counts.h"

static unsigned long exit_state;

static void oops(void)
{
	oracle_command(ORACLE_OOPS, (void *)exit_state);
}

int main(void)
{
	struct isolated cpus[MAX_ISOLATED];
	struct oracle_cpu_state now = { 0 };
	struct flushes f;
	int n, status, seen, mapped;

	ksft_print_header();
	n = isolated_start(cpus);
	if (!coalesce_defers())
		ksft_exit_skip("mode %s: the state never says user mode\n", coalesce_mode());
	exit_state = strcmp(coalesce_mode(), "always") ? 0 : KERNEL_CR3_FLUSH_ALWAYS;

	ksft_set_plan(4);
	status = isolated_try(cpus, oops, 0);
	ksft_test_result(status, "the process that oopsed is gone\n");

	now.cpu = cpus[0].cpu;
	oracle_command(ORACLE_CPU_STATE, &now);
	ksft_print_msg("state after the oops: %lld\n", (long long)now.state);
	ksft_test_result(now.state == KERNEL_CR3_LOADED, "the CPU counts as in the kernel\n");

	flushes_start();
	do
		mapped = oracle_request(ORACLE_REMAP);
	while (mapped < 0);
	flushes_read(cpus[0].cpu, &f);
	ksft_test_result(f.received, "it receives a flush IPI\n");

	isolated_spawn(cpus, NULL);
	isolated_read_all(cpus, 1, &seen);
	ksft_test_result(seen == mapped, "the next process there reads the right page\n");
	isolated_stop(cpus, n);
	ksft_finished();
}
