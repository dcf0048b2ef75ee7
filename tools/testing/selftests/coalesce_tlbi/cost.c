// SPDX-License-Identifier: GPL-2.0
/*
 * Work to count instructions of, for "make bench":
 *
 *	cost entries CPU...	system calls, page faults and timer interrupts there
 *	cost purges		purges of vmalloc memory on a housekeeping CPU while
 *				all others spin in user mode
 *
 * Each kind is announced by a label (cost.h).
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

#include "../kselftest.h"
#include "cost.h"
#include "isolated.h"
#include "isolated_box.h"

#define CALLS		1000
#define FAULTS		300
#define TICKS		100
#define PURGES		200
#define WARM_UP		20
#define TICK_NS		2000000

static unsigned int ticks;

/* An immediate operand: inlined, also where nothing else is. */
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
	for (i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	label(COST_NOTHING);
}

static void faults(void)
{
	char *p;
	int i;

	for (i = 0; i < FAULTS; i++) {
		p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
		label(COST_FAULT);
		box_store((unsigned int *)p, 1);
		label(COST_NOTHING);
		munmap(p, 4096);
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
	while (box_load(&ticks) < TICKS)
		__builtin_ia32_pause();
	label(COST_NOTHING);
	timer_delete(id);
}

/* Spin on the housekeeping CPUs too, but for the one of this program. */
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
	for (i = 0; i < PURGES; i++)
		oracle_request(ORACLE_DRAIN);
	label(COST_NOTHING);
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
