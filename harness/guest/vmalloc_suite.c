// SPDX-License-Identifier: GPL-2.0
/*
 * Loads the kernel's vmalloc test module while isolated CPUs spin in user mode and
 * read through the oracle's address, which keeps moving.
 *
 *	vmalloc_suite MODULE [PARAMETER...]
 *
 * The module runs its tests in its init function, logs a summary of each, and
 * then refuses to stay.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "counts.h"

#define MAX_PARAMETERS	512

/* Status 0 if the module ran, which makes loading it fail with EAGAIN. */
static pid_t load(const char *path, char **words)
{
	char parameters[MAX_PARAMETERS] = "";
	pid_t pid = fork();
	size_t used = 0;
	int fd;

	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (pid)
		return pid;

	for (; *words && used < sizeof(parameters); words++)
		used += snprintf(parameters + used, sizeof(parameters) - used, "%s ", *words);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !syscall(SYS_finit_module, fd, parameters, 0) || errno != EAGAIN) {
		printf("# %s: %s\n", path, strerror(errno));
		fflush(stdout);
		_exit(1);
	}
	_exit(0);
}

/* One result for each summary in the log; returns how many. */
static int report(int log)
{
	char record[8192], name[64];
	int passed, failed, n = 0;
	const char *text;
	ssize_t size;

	while ((size = read(log, record, sizeof(record) - 1)) > 0) {
		record[size] = 0;
		text = strstr(record, "Summary: ");
		if (!text || sscanf(text, "Summary: %63s passed: %d failed: %d", name, &passed,
				    &failed) != 3)
			continue;
		ksft_print_msg("%s: %d passed, %d failed\n", name, passed, failed);
		ksft_test_result(passed && !failed, "%s\n", name);
		n++;
	}
	if (size < 0 && errno != EAGAIN)
		ksft_exit_fail_msg("/dev/kmsg: %s\n", strerror(errno));
	return n;
}

int main(int argc, char **argv)
{
	int n, log, status, stale = 0, rounds = 0, summaries;
	struct isolated cpus[MAX_ISOLATED];
	unsigned long deferred;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: %s MODULE [PARAMETER...]\n", argv[0]);
		return 2;
	}

	ksft_print_header();
	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (log < 0 || lseek(log, 0, SEEK_END) < 0)
		ksft_exit_skip("/dev/kmsg: %s\n", strerror(errno));
	n = isolated_start(cpus);
	deferred = deferred_sum(cpus, n);
	pid = load(argv[1], argv + 2);
	while (!waitpid(pid, &status, WNOHANG)) {
		stale += oracle_round(cpus, n, ORACLE_REMAP);
		rounds++;
	}
	deferred = deferred_sum(cpus, n) - deferred;

	summaries = report(log);
	ksft_test_result(!status && summaries, "the module ran, %d tests\n", summaries);
	ksft_print_msg("%d rounds, %lu flushes deferred\n", rounds, deferred);
	ksft_test_result(!stale, "no stale read\n");
	ksft_test_result(!coalesce_defers() == !deferred, "flushes deferred: %s\n",
			 coalesce_defers() ? "yes" : "no");
	isolated_stop(cpus, n);
	ksft_set_plan(summaries + 3);
	ksft_finished();
}
