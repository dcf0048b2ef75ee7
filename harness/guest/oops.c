// SPDX-License-Identifier: GPL-2.0
/*
 * An oops between an exit store and the next entry hook is returned from
 * through no hook.  Afterwards the CPU is idle, in the kernel, and has to count
 * so: its word is LOADED and a flush interrupts it.  The kernel log then has an
 * oops, on purpose.
 */
#include <stdio.h>
#include <string.h>

#include "kselftest.h"
#include "isolated.h"

static unsigned long exit_state;

static void oops(void)
{
	oracle_command(ORACLE_OOPS, (void *)exit_state);
}

int main(void)
{
	struct isolated cpus[MAX_ISOLATED];
	struct oracle_word word = { 0 };
	struct flushes f;
	int n, status, seen, mapped;

	ksft_print_header();
	n = isolated_start(cpus);
	if (!coalesce_defers())
		ksft_exit_skip("mode %s: the word never says user mode\n", coalesce_mode());
	exit_state = strcmp(coalesce_mode(), "always") ? 0 : KERNEL_CR3_FLUSH_PENDING;

	ksft_set_plan(4);
	status = isolated_try(cpus, oops, 0);
	ksft_test_result(status, "the process that oopsed is gone\n");

	word.cpu = cpus[0].cpu;
	oracle_command(ORACLE_WORD, &word);
	ksft_print_msg("word after the oops: %lld\n", (long long)word.state);
	ksft_test_result(word.state == KERNEL_CR3_LOADED, "the CPU counts as in the kernel\n");

	flushes_start();
	do
		mapped = oracle_request(ORACLE_REMAP);
	while (mapped < 0);
	flushes_read(cpus[0].cpu, &f);
	ksft_test_result(f.received, "a flush interrupts it\n");

	isolated_spawn(cpus, NULL);
	isolated_read_all(cpus, 1, &seen);
	ksft_test_result(seen == mapped, "the next process there reads the right page\n");
	isolated_stop(cpus, n);
	ksft_finished();
}
