// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program pinned to the first isolated CPU while a housekeeping CPU requests
 * kernel flushes without pause.  Its result must be the same as without them.
 *
 *	pinned [-t SECONDS] [-r RUNS] PROGRAM [ARGUMENT...]
 *
 * ends with the program's status, with 128 and the signal that killed it, or with 124
 * if it was killed after SECONDS.  RUNS runs follow each other until SECONDS have
 * passed.  The first gives the output.  The first run that ends differently from
 * those before it gives the status.  The last line says how many flushes were requested and
 * how many IPIs to the isolated CPUs were deferred.  In the kernel log, one line
 * precedes and one line follows what the program caused there.
 *
 *	pinned [-t SECONDS] -n NMIS [-c] PROGRAM [ARGUMENT...]
 *
 * moves the oracle's address instead and runs the program again and again, until
 * NMIS NMIs on its CPU could be judged.  The host has to raise them.  The status is 0
 * if none read through a stale translation and no run failed.  -c is the control,
 * without any flush: the status is 0 if an NMI did.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "counts.h"

#define STATUS_TIMEOUT	124
#define STATUS_SIGNAL	128

struct options {
	int seconds;
	int runs;
	int nmis;
	bool control;
	char **program;
};

static void bad_usage(const char *name)
{
	fprintf(stderr, "usage: %s [-t SECONDS] [-r RUNS | -n NMIS [-c]] PROGRAM [ARGUMENT...]\n",
		name);
	exit(2);
}

static int number(const char *text, const char *name)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (n <= 0 || n > 1000000000 || *end)
		bad_usage(name);
	return n;
}

/* What the program causes in the kernel log is between two of these. */
static void mark_log(const char *what, const char *program)
{
	FILE *f = fopen("/dev/kmsg", "w");

	if (!f)
		ksft_exit_fail_msg("/dev/kmsg: %s\n", strerror(errno));
	fprintf(f, "pinned: %s %s\n", what, program);
	fclose(f);
}

static void run_program(int cpu, const struct options *o, bool quiet)
{
	cpu_set_t set;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(126);
	if (quiet) {
		fd = open("/dev/null", O_WRONLY);
		dup2(fd, 1);
		dup2(fd, 2);
	}
	execv(o->program[0], o->program);
	fprintf(stderr, "%s: %s\n", o->program[0], strerror(errno));
	_exit(127);
}

static pid_t start(int cpu, const struct options *o, bool quiet)
{
	pid_t pid = fork();

	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (!pid)
		run_program(cpu, o, quiet);
	return pid;
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status);
}

/* Processes that it left behind would hold our output open. */
static void kill_group(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
}

static time_t seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* 0: none */
static time_t deadline_of(const struct options *o)
{
	return o->seconds ? seconds_now() + o->seconds : 0;
}

static bool passed(time_t deadline)
{
	return deadline && seconds_now() >= deadline;
}

/* One run under flushes; no longer than until @deadline, if there is one. */
static int run_once(int cpu, const struct options *o, bool quiet, time_t deadline,
		    unsigned long *requested)
{
	pid_t pid = start(cpu, o, quiet);
	int status;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (passed(deadline)) {
			kill_group(pid);
			waitpid(pid, NULL, 0);
			return STATUS_TIMEOUT;
		}
		oracle_request(ORACLE_DRAIN);
		(*requested)++;
	}
	kill_group(pid);
	return status_of(status);
}

static int churn(int cpu, const struct options *o, unsigned long *requested)
{
	time_t deadline = deadline_of(o);
	int i, again, status = run_once(cpu, o, false, deadline, requested);

	for (i = 1; i < o->runs; i++) {
		again = run_once(cpu, o, true, deadline, requested);
		if (passed(deadline) && again == STATUS_TIMEOUT)
			break;
		if (again != status) {
			ksft_print_msg("run %d: status %d, before %d\n", i + 1, again, status);
			return again;
		}
	}
	return status;
}

/* Runs while the address moves, until enough NMIs were judged. */
static int storm(int cpu, const struct options *o, unsigned long *requested)
{
	struct oracle_nmi before = { 0 }, now;
	time_t deadline = deadline_of(o);
	pid_t pid = start(cpu, o, true);
	int stale, judged, status, failed = 0, runs = 1;

	oracle_watch_nmi(cpu, &before);
	oracle_watch_nmi(cpu, &before);
	ksft_print_msg("waiting for NMIs on CPU %d\n", cpu);
	do {
		oracle_request(o->control ? ORACLE_REMAP_NO_FLUSH : ORACLE_REMAP);
		(*requested)++;
		if (waitpid(pid, &status, WNOHANG)) {
			failed += status != 0;
			kill_group(pid);
			pid = start(cpu, o, true);
			runs++;
		}
		oracle_watch_nmi(cpu, &now);
		judged = now.judged - before.judged;
	} while (judged < o->nmis && !passed(deadline));
	kill_group(pid);
	waitpid(pid, NULL, 0);

	stale = now.stale - before.stale;
	ksft_print_msg("%d NMIs in %d runs, %d failed; %d judged, %d stale\n",
		       now.count - before.count, runs, failed, judged, stale);
	if (judged < o->nmis)
		return STATUS_TIMEOUT;
	return failed || !stale == o->control;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct isolated cpus[MAX_ISOLATED];
	unsigned long requested = 0, deferred;
	int opt, n, status;

	while ((opt = getopt(argc, argv, "+t:r:n:c")) != -1) {
		if (opt == 't')
			o.seconds = number(optarg, argv[0]);
		else if (opt == 'r')
			o.runs = number(optarg, argv[0]);
		else if (opt == 'n')
			o.nmis = number(optarg, argv[0]);
		else if (opt == 'c')
			o.control = true;
		else
			bad_usage(argv[0]);
	}
	o.program = argv + optind;
	if (!*o.program || (o.control && !o.nmis) || (o.runs && o.nmis))
		bad_usage(argv[0]);

	n = isolated_find(cpus);
	deferred = deferred_sum(cpus, n);
	mark_log("begin", o.program[0]);
	status = (o.nmis ? storm : churn)(cpus[0].cpu, &o, &requested);
	mark_log("end", o.program[0]);
	deferred = deferred_sum(cpus, n) - deferred;

	printf("\n# pinned: %s on CPU %d: status %d, requested %lu, deferred %lu\n", o.program[0],
	       cpus[0].cpu, status, requested, deferred);
	return status;
}
