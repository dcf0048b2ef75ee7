// SPDX-License-Identifier: GPL-2.0
/*
 * Guest half of the placement test (verify/placement/place-nmis).  The housekeeping
 * CPU takes the host's commands: they move the oracle's address and ask the target to
 * enter the kernel.  The target, on the isolated CPU, enters as it is asked, and then
 * once more to read through the address.  Meanwhile the host stops either CPU at any
 * instruction.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "kselftest.h"
#include "entry_placement.h"

#define INITIATOR		0
#define TARGET		1
#define MODULE		"/coalesce_tlbi_placement.ko"
#define PROGRAM_32	"/bin/entry_placement_32"

/* No such selector in the GDT; the low bits keep it a user one. */
#define BAD_CS		0xfff3

#define NR32_GETPPID	64

static struct box *box;
static pid_t target;
static bool target_is_32;

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		ksft_exit_skip("CPU %d: %s: boot with two CPUs, the second isolated\n", cpu,
			       strerror(errno));
}

static void by_int80(void)
{
	long nr = NR32_GETPPID;

	asm volatile("int $0x80" : "+a" (nr) : : "memory", "r8", "r9", "r10", "r11");
}

static unsigned long good_cs;

static void spoil_cs(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	good_cs = regs[REG_CSGSFS];
	regs[REG_CSGSFS] = (good_cs & ~0xffffUL) | BAD_CS;
}

static void mend_cs(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_CSGSFS] = good_cs;
}

/* The IRET that returns from spoil_cs() faults in the kernel: SIGSEGV. */
static void prepare_bad_iret(void)
{
	struct sigaction spoil = { .sa_sigaction = spoil_cs, .sa_flags = SA_SIGINFO };
	struct sigaction mend = { .sa_sigaction = mend_cs, .sa_flags = SA_SIGINFO };

	if (sigaction(SIGUSR1, &spoil, NULL) || sigaction(SIGSEGV, &mend, NULL))
		_exit(1);
}

static void enter(unsigned int method)
{
	switch (method) {
	case PLACEMENT_BY_SYSCALL:
		syscall(SYS_getppid);
		break;
	case PLACEMENT_BY_INT80:
		by_int80();
		break;
	case PLACEMENT_BY_BAD_IRET:
		raise(SIGUSR1);
		break;
	}
}

static void run_target(void)
{
	unsigned int served = atomic_load(&box->done);
	struct oracle_state state;

	prepare_bad_iret();
	for (;;) {
		while (atomic_load(&box->asked) == served)
			__builtin_ia32_pause();
		enter(atomic_load(&box->method));
		if (ioctl(ORACLE_FD, ORACLE_READ, &state))
			_exit(1);
		atomic_store(&box->seen, state.seen);
		atomic_store(&box->done, ++served);
	}
}

static void start_target(bool is_32)
{
	target = fork();
	if (target < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	target_is_32 = is_32;
	if (target)
		return;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_to(TARGET);
	if (!is_32)
		run_target();
	execl(PROGRAM_32, PROGRAM_32, NULL);
	_exit(1);
}

static void stop_target(void)
{
	kill(target, SIGKILL);
	waitpid(target, NULL, 0);
}

static void ask(unsigned int method)
{
	bool is_32 = method >= PLACEMENT_METHODS_32;

	if (is_32 != target_is_32) {
		stop_target();
		start_target(is_32);
	}
	atomic_store(&box->method, method);
	atomic_fetch_add(&box->asked, 1);
}

/* The host moves the address only when it has finished the target's read. */
static void finish(struct placement_state *state)
{
	struct oracle_state now;
	int status;

	while (atomic_load(&box->done) != atomic_load(&box->asked)) {
		if (waitpid(target, &status, WNOHANG))
			ksft_exit_fail_msg("the target died: status %#x\n", status);
		__builtin_ia32_pause();
	}
	if (ioctl(ORACLE_FD, ORACLE_READ, &now))
		ksft_exit_fail_msg("oracle: %s\n", strerror(errno));
	state->reads++;
	state->stale += atomic_load(&box->seen) != now.mapped;
}

static int request(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? errno : 0;
}

/* Carry out commands until the host quits; returns their number. */
static unsigned long serve(int fd, struct placement_state *state)
{
	struct placement_break at = { .cpu = TARGET };
	struct oracle_state oracle;
	unsigned long n;

	for (n = 0;; n++) {
		if (ioctl(fd, PLACEMENT_AWAIT, state))
			ksft_exit_fail_msg("no command: %s\n", strerror(errno));
		state->result = 0;
		switch (state->command) {
		case PLACEMENT_QUIT:
			return n;
		case PLACEMENT_ENTER:
			ask(state->argument);
			break;
		case PLACEMENT_FINISH:
			finish(state);
			break;
		case PLACEMENT_REMAP:
			state->result = request(ORACLE_FD, ORACLE_REMAP, &oracle);
			break;
		case PLACEMENT_REMAP_NO_FLUSH:
			state->result = request(ORACLE_FD, ORACLE_REMAP_NO_FLUSH, &oracle);
			break;
		case PLACEMENT_BREAK:
			at.address = state->argument;
			state->result = request(fd, PLACEMENT_SET_BREAK, &at);
			break;
		default:
			ksft_exit_fail_msg("unknown command %llu\n", state->command);
		}
	}
}

static int open_device(const char *path)
{
	int fd = open(path, O_RDWR);

	if (fd < 0)
		ksft_exit_skip("%s: %s\n", path, strerror(errno));
	return fd;
}

static void load_module(void)
{
	int fd = open(MODULE, O_RDONLY);

	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
		ksft_exit_skip(MODULE ": %s\n", strerror(errno));
	close(fd);
}

/* The addresses that the host reads and writes, by their names in our modules. */
static void print_symbols(void)
{
	char line[256], name[64], module[64];
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long address;

	if (!f)
		ksft_exit_skip("/proc/kallsyms: %s\n", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %63s [%63[^]]", &address, name, module) == 3 &&
		    (!strcmp(name, "placement_state") || !strcmp(name, "placement_await") ||
		     !strcmp(name, "oracle_nmi")))
			ksft_print_msg("symbol %s %#lx\n", name, address);
	fclose(f);
}

static void move_fd(int fd, int to)
{
	if (fd != to && dup2(fd, to) < 0)
		ksft_exit_fail_msg("dup2: %s\n", strerror(errno));
}

int main(void)
{
	struct oracle_nmi nmi = { .cpu = TARGET };
	struct placement_state state = { 0 };
	unsigned long n;
	int fd;

	/* The host waits for a line of the output. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	load_module();
	fd = open_device("/dev/" PLACEMENT_DEVICE);
	move_fd(open_device("/dev/" ORACLE_DEVICE), ORACLE_FD);
	move_fd(memfd_create("box", 0), BOX_FD);
	if (ftruncate(BOX_FD, sizeof(*box)))
		ksft_exit_fail_msg("ftruncate: %s\n", strerror(errno));
	box = mmap(NULL, sizeof(*box), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, BOX_FD,
		   0);
	if (box == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));

	ksft_set_plan(2);
	if (ioctl(ORACLE_FD, ORACLE_WATCH_NMI, &nmi))
		ksft_exit_fail_msg("watching NMIs: %s\n", strerror(errno));
	pin_to(INITIATOR);
	start_target(false);
	ask(PLACEMENT_BY_NOTHING);
	finish(&state);

	print_symbols();
	ksft_print_msg("waiting for the host\n");
	n = serve(fd, &state);
	ksft_print_msg("%lu commands, %llu reads\n", n, state.reads);
	ksft_test_result(state.reads > 1, "the host gave commands\n");
	ksft_test_result(!state.stale, "no system call read through a flushed translation\n");
	stop_target();
	ksft_finished();
}
