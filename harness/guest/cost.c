// SPDX-License-Identifier: GPL-2.0
/*
 * Work whose instructions "make bench" counts:
 *
 *	cost entries CPU...	system calls, page faults and timer interrupts there
 *	cost purges		purges of vmalloc memory on a housekeeping CPU while
 *				all others spin in user mode
 *
 * A label (cost.h) precedes each kind.  Prints, separated by tabs,
 *
 *	time KIND CPU NANOSECONDS
 *
 * where NANOSECONDS is the median of one such entry or purge, by the clock that
 * user mode reads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"
#include "cost.h"
#include "counts.h"
#include "isolated_box.h"

#define CALLS		1000
#define FAULTS		300
#define TICKS		100
#define PURGES		200
#define WARM_UP		20
#define TICK_NS		2000000

static unsigned int ticks;
static long long times[CALLS];
static int n_times;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void add_time(long long since)
{
	times[n_times++] = now() - since;
}

static int compare(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

static void print_times(const char *kind)
{
	qsort(times, n_times, sizeof(*times), compare);
	printf("time\t%s\t%d\t%lld\n", kind, sched_getcpu(), times[n_times / 2]);
	n_times = 0;
}

/* Always inlined, as the operand is an immediate. */
static __always_inline void label(enum cost n)
{
	asm volatile(".byte 0x0f, 0x1f, 0x80\n\t.long %c0" : : "i"(COST_LABEL + n) : "memory");
}

static void tick(int sig)
{
	box_store(&ticks, box_load(&ticks) + 1);
}

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		ksft_exit_fail_msg("CPU %d: %s\n", cpu, strerror(errno));
}

static void calls(void)
{
	int i;

	for (i = 0; i < WARM_UP; i++)
		syscall(SYS_getppid);
	label(COST_SYSCALL);
	for (i = 0; i < CALLS; i++) {
		long long start = now();

		syscall(SYS_getppid);
		add_time(start);
	}
	label(COST_NOTHING);
	print_times("syscall");
}

static void faults(void)
{
	long long start;
	char *p;
	int i;

	for (i = 0; i < FAULTS; i++) {
		p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
		start = now();
		label(COST_FAULT);
		box_store((unsigned int *)p, 1);
		label(COST_NOTHING);
		add_time(start);
		munmap(p, 4096);
	}
	print_times("fault");
}

/* The time that the timer takes from user mode: its interrupt and its signal. */
static void watch_ticks(void)
{
	long long last = now(), longest = 0;
	unsigned int seen = 0;

	while (seen < TICKS) {
		long long t = now();

		if (t - last > longest)
			longest = t - last;
		last = t;
		if (box_load(&ticks) == seen)
			continue;
		seen++;
		times[n_times++] = longest;
		longest = 0;
	}
}

static void timer(void)
{
	struct itimerspec period = { { 0, TICK_NS }, { 0, TICK_NS } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	timer_t id;

	signal(SIGALRM, tick);
	if (timer_create(CLOCK_MONOTONIC, &event, &id) || timer_settime(id, 0, &period, NULL))
		ksft_exit_fail_msg("timer_create: %s\n", strerror(errno));
	box_store(&ticks, 0);
	label(COST_TIMER);
	watch_ticks();
	label(COST_NOTHING);
	print_times("timer");
	timer_delete(id);
}

/* Spin on the other housekeeping CPUs too. */
static void spin_below(int end, int but, pid_t *pids)
{
	int cpu;

	for (cpu = 0; cpu < end; cpu++) {
		pids[cpu] = cpu == but ? 0 : fork();
		if (pids[cpu] || cpu == but)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_on(cpu);
		for (;;)
			__builtin_ia32_pause();
	}
}

static void purges(void)
{
	struct isolated cpus[MAX_ISOLATED];
	pid_t pids[MAX_ISOLATED] = { 0 };
	int n = isolated_start(cpus), i;

	flushes_stop();
	spin_below(cpus[0].cpu, sched_getcpu(), pids);

	for (i = 0; i < WARM_UP; i++)
		oracle_request(ORACLE_DRAIN);
	isolated_ping(cpus, n);
	label(COST_PURGE);
	for (i = 0; i < PURGES; i++) {
		long long start = now();

		oracle_request(ORACLE_DRAIN);
		add_time(start);
	}
	label(COST_NOTHING);
	print_times("purge");
	for (i = 0; i < cpus[0].cpu; i++)
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
	isolated_stop(cpus, n);
	printf("CPU %d, %d isolated\n", sched_getcpu(), n);
}

int main(int argc, char **argv)
{
	int i;

	if (argc == 2 && !strcmp(argv[1], "purges")) {
		purges();
		return 0;
	}
	if (argc < 3 || strcmp(argv[1], "entries")) {
		fprintf(stderr, "usage: %s entries CPU... | purges\n", argv[0]);
		return 2;
	}
	for (i = 2; i < argc; i++) {
		run_on(atoi(argv[i]));
		calls();
		faults();
		timer();
		printf("entries on CPU %s\n", argv[i]);
	}
	return 0;
}
