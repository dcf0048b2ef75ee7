// SPDX-License-Identifier: GPL-2.0
/*
 * classic_bpf [none]: the IPIs of __bpf_arch_ibpb(), by which the kernel flushes the
 * branch predictors of all CPUs before it reuses the memory of a BPF program for a
 * classic one, such as a seccomp filter.  They are not deferred.  This checks what
 * verify/remaining says of them: what sends them, and each way to avoid them.
 *
 * With "none" the kernel uses retpolines, and must send none.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "counts.h"

#define JIT		"/proc/sys/net/core/bpf_jit_enable"
#define FILTERS		5

/* A worker frees the program of a process that has exited. */
#define FREE_US		20000

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;

/* A process with a seccomp filter, which exists until it is killed. */
static pid_t install(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };
	int ready[2], err = 0;
	pid_t pid;

	if (pipe(ready))
		ksft_exit_fail_msg("pipe: %s\n", strerror(errno));
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			err = errno;
		if (write(ready[1], &err, sizeof(err)) != sizeof(err))
			_exit(1);
		for (;;)
			pause();
	}
	if (read(ready[0], &err, sizeof(err)) != sizeof(err) || err)
		ksft_exit_skip("seccomp filter: %s\n", strerror(err));
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void discard(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The fewest and the most IPIs that an isolated CPU received. */
static void received(unsigned long *least, unsigned long *most)
{
	unsigned long n;
	int i;

	*least = -1;
	*most = 0;
	for (i = 0; i < n_cpus; i++) {
		n = callbacks_received(cpus[i].cpu, "__bpf_arch_ibpb");
		if (n < *least)
			*least = n;
		if (n > *most)
			*most = n;
	}
}

/* Each filter is freed before the next one is installed. */
static void test_freed(bool sent, const char *when)
{
	unsigned long least, most;
	int i;

	flushes_start();
	for (i = 0; i < FILTERS; i++) {
		discard(install());
		usleep(FREE_US);
	}
	received(&least, &most);
	ksft_test_result(sent ? least : !most, "%d filters, freed, %s: %lu to %lu IPIs, %s\n",
			 FILTERS, when, least, most, sent ? "some expected" : "none expected");
}

/* Nothing is freed after the first of them. */
static void test_kept(void)
{
	unsigned long least, most;
	pid_t pids[FILTERS + 1];
	int i;

	usleep(FILTERS * FREE_US);
	for (i = 0; i <= FILTERS; i++) {
		if (i == 1)
			flushes_start();
		pids[i] = install();
	}
	received(&least, &most);
	ksft_test_result(!most, "%d filters, none freed: %lu IPIs, none expected\n", FILTERS,
			 most);
	for (i = 0; i <= FILTERS; i++)
		discard(pids[i]);
}

static void set_jit(const char *value)
{
	FILE *f = fopen(JIT, "w");

	if (!f || fputs(value, f) < 0 || fclose(f))
		ksft_exit_fail_msg(JIT ": %s\n", strerror(errno));
}

int main(int argc, char **argv)
{
	bool none = argc > 1 && !strcmp(argv[1], "none");

	ksft_print_header();
	n_cpus = isolated_start(cpus);
	if (!cpu_has("ibpb"))
		ksft_exit_skip("this CPU has no IBPB\n");

	if (none) {
		ksft_set_plan(1);
		test_freed(false, "with retpolines");
	} else {
		ksft_set_plan(4);
		test_freed(true, "without retpolines");
		test_kept();
		set_jit("0");
		test_freed(false, "without the JIT");
		set_jit("1");
		test_freed(true, "with the JIT again");
	}
	isolated_stop(cpus, n_cpus);
	ksft_finished();
}
