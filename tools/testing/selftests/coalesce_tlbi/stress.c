// SPDX-License-Identifier: GPL-2.0
/*
 * Loads of several kinds, for a bounded number of rounds, while every isolated CPU
 * reads through the oracle's address after every flush.  It must never reach the
 * page that the address was mapped to before.  A load counts what it did; one that
 * did not run is a failure.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "counts.h"
#include "isolated_box.h"
#include "operations.h"

#define ROUNDS		100
#define MOVES		300
#define DRAINS		1000
#define PRESSURE_PART	2	/* fill 1/PRESSURE_PART of the free memory */

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;
static bool defers;

/**
 * struct load - what a load has done, in memory shared with its process
 * @done: how often it did its work
 * @error: error number that stopped it
 */
struct load {
	unsigned int done;
	int error;
};

static struct load *load;

/* Called again and again in the load's process; returns 0 or an error number. */
typedef int (*work_fn)(void);

static int map_and_drain(void)
{
	return oracle_command(ORACLE_CHURN, NULL);
}

static int fill_memory(void)
{
	size_t size = (size_t)sysconf(_SC_AVPHYS_PAGES) / PRESSURE_PART * 4096;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, size);
	return 0;
}

static int write_online(int cpu, const char *value)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return errno;
	err = write(fd, value, 1) == 1 ? 0 : errno;
	close(fd);
	return err;
}

static int unplug_and_plug(void)
{
	int err = write_online(cpus[n_cpus].cpu, "0");

	return err ? err : write_online(cpus[n_cpus].cpu, "1");
}

/* Run on the housekeeping CPUs other than this one, if there are any. */
static void leave_this_cpu(void)
{
	cpu_set_t set;
	int cpu;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < cpus[0].cpu; cpu++)
		if (cpu != sched_getcpu())
			CPU_SET(cpu, &set);
	if (CPU_COUNT(&set))
		sched_setaffinity(0, sizeof(set), &set);
}

static pid_t start(work_fn work)
{
	pid_t pid;

	memset(load, 0, sizeof(*load));
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (pid)
		return pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	leave_this_cpu();
	while (!(load->error = work()))
		box_store(&load->done, load->done + 1);
	_exit(1);
}

/* Wait for the end of one turn, so that no work is left half done. */
static void stop(pid_t pid)
{
	unsigned int done = box_load(&load->done);

	while (box_load(&load->done) == done && !waitpid(pid, NULL, WNOHANG))
		sched_yield();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int stale_rounds(int rounds)
{
	int stale = 0;

	while (rounds--)
		stale += oracle_round(cpus, n_cpus, ORACLE_REMAP);
	return stale;
}

static void test_load(const char *name, work_fn work)
{
	unsigned long before = deferred_sum(cpus, n_cpus);
	pid_t pid = start(work);
	int stale = stale_rounds(ROUNDS);

	if (!load->error)
		stop(pid);
	else
		waitpid(pid, NULL, 0);

	ksft_print_msg("%s: %u times; %d rounds, %d stale, %lu deferred\n", name, load->done,
		       ROUNDS, stale, deferred_sum(cpus, n_cpus) - before);
	if (load->error && !load->done)
		ksft_test_result_skip("%s: %s\n", name, strerror(load->error));
	else
		ksft_test_result(!stale && load->done && !load->error &&
				 defers == (deferred_sum(cpus, n_cpus) > before),
				 "%s: nothing stale\n", name);
}

/* Enter, read while the address may be moving, leave, as fast as possible. */
static void glance(void)
{
	struct oracle_glance found;
	int stale = 0;

	while (isolated_turn()) {
		if (oracle_command(ORACLE_GLANCE, &found))
			_exit(1);
		stale += found.stale;
		isolated_report(stale);
	}
}

static void call(void)
{
	while (isolated_turn())
		syscall(SYS_getppid);
}

/*
 * Make all CPUs loop in @enter, and make @request here @times times.  Between two
 * requests each CPU makes at least two turns, one of which begins after the first.
 * Returns the sum of what they reported.
 */
static int against(void (*enter)(void), unsigned long request, int times)
{
	int i, sum = 0, seen[MAX_ISOLATED];

	for (i = 0; i < n_cpus; i++)
		isolated_ask(&cpus[i], enter, 0);
	while (times--) {
		isolated_await_turns(cpus, n_cpus, 2);
		oracle_request(request);
	}
	isolated_await_turns(cpus, n_cpus, 2);
	for (i = 0; i < n_cpus; i++)
		sum += isolated_reported(&cpus[i]);
	isolated_read_all(cpus, n_cpus, seen);
	return sum;
}

/* An initiator against targets that enter and leave as fast as they can. */
static void test_enter_and_leave(void)
{
	int stale = against(glance, ORACLE_REMAP, MOVES);

	ksft_print_msg("enter and leave: %d moves, %d stale\n", MOVES, stale);
	ksft_test_result(!stale, "enter and leave: nothing stale\n");

	stale = against(glance, ORACLE_REMAP_NO_FLUSH, ROUNDS);
	stale_rounds(1);
	ksft_print_msg("no flush: %d moves, %d stale\n", ROUNDS, stale);
	if (!staleness_shows() || !strcmp(coalesce_mode(), "always"))
		ksft_test_result_skip("enter and leave: control: not observable here\n");
	else
		ksft_test_result(stale, "enter and leave: control: stale reads are seen\n");
}

/*
 * A flush IPI that was sent while the target was in the kernel may arrive after the
 * target has left it.  That is legal.  Print how often it happens, and check that no
 * flush is lost: each was deferred or arrived.
 */
static void test_exit_window(void)
{
	struct oracle_probe probe = { "tracepoint:csd_function_entry" };
	struct oracle_arm arm = { .cpu = cpus[0].cpu, .watched = cpus[0].cpu };
	struct oracle_hit hit = { 0 };
	struct counts before, after;

	if (oracle_command(ORACLE_PROBE, &probe)) {
		ksft_test_result_skip("exit window: no %s\n", probe.name);
		return;
	}
	counts_read(cpus[0].cpu, &before);
	oracle_command(ORACLE_ARM, &arm);
	against(call, ORACLE_DRAIN, DRAINS);
	oracle_command(ORACLE_HIT, &hit);
	counts_read(cpus[0].cpu, &after);
	memset(&probe, 0, sizeof(probe));
	oracle_command(ORACLE_PROBE, &probe);

	after.deferred -= before.deferred;
	ksft_print_msg("exit window: %d flushes against getppid() on CPU %d: %lu deferred\n",
		       DRAINS, cpus[0].cpu, after.deferred);
	ksft_print_msg("exit window: %d sent, of which %d found it in user mode\n", hit.count,
		       hit.from_user);
	ksft_test_result(after.deferred + hit.count >= DRAINS,
			 "exit window: each flush is deferred or arrives\n");
}

/* The last isolated CPU is unplugged and plugged while the others read; then it reads. */
static void test_hotplug(void)
{
	struct isolated *last = &cpus[n_cpus - 1];

	if (n_cpus < 2) {
		ksft_test_result_skip("hot-unplug: only one isolated CPU\n");
		ksft_test_result_skip("hot-plugged again: only one isolated CPU\n");
		return;
	}
	isolated_stop(last, 1);
	n_cpus--;
	test_load("hot-unplug", unplug_and_plug);
	n_cpus++;
	write_online(last->cpu, "1");
	isolated_spawn(last, NULL);
	stale_rounds(1);
	ksft_test_result(!stale_rounds(ROUNDS), "hot-plugged again: nothing stale\n");
}

static const struct {
	const char *name;
	work_fn work;
} loads[] = {
	{ "second initiator", map_and_drain },
	{ "fork", operate_fork },
	{ "module", operate_module },
	{ "bpf", operate_bpf },
	{ "memory pressure", fill_memory },
};

int main(void)
{
	unsigned int i;

	load = mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	if (load == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));

	ksft_print_header();
	n_cpus = isolated_start(cpus);
	defers = coalesce_defers();
	ksft_print_msg("mode %s, %d isolated CPUs\n", coalesce_mode(), n_cpus);

	ksft_set_plan(ARRAY_SIZE(loads) + 5);
	for (i = 0; i < ARRAY_SIZE(loads); i++)
		test_load(loads[i].name, loads[i].work);
	test_enter_and_leave();
	test_exit_window();
	test_hotplug();
	isolated_stop(cpus, n_cpus);
	ksft_finished();
}
