// SPDX-License-Identifier: GPL-2.0
/* The lowest layer: calls no other file of the tests.  See isolated.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "isolated.h"
#include "isolated_box.h"

#define STATE_ADDRESS	"/sys/module/" ORACLE_DEVICE "/parameters/kernel_cr3_loaded"

/* Rounds on the calling CPU by which staleness_shows() is decided. */
#define CALIBRATION_ROUNDS	16

#define TURNS_AT_ONCE	16

static int oracle_fd = -1;
static int calibration_stale;

/* A child must not print again what is in its parent's buffer. */
static void __attribute__((constructor)) print_by_line(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}

FILE *open_or_skip(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		ksft_exit_skip("%s: %s\n", path, strerror(errno));
	return f;
}

void read_cpu_list(const char *path, cpu_set_t *set)
{
	FILE *f = open_or_skip(path);
	int first, last, sep;

	CPU_ZERO(set);
	while (fscanf(f, "%d", &first) == 1) {
		last = first;
		sep = getc(f);
		if (sep == '-') {
			if (fscanf(f, "%d", &last) != 1)
				break;
			sep = getc(f);
		}
		for (; first <= last; first++)
			CPU_SET(first, set);
		if (sep != ',')
			break;
	}
	fclose(f);
}

bool cpu_has(const char *feature)
{
	FILE *f = open_or_skip("/proc/cpuinfo");
	char *line = NULL, *word, *save;
	bool found = false;
	size_t size = 0;

	while (getline(&line, &size, f) >= 0)
		if (!strncmp(line, "flags", 5))
			break;
	fclose(f);
	for (word = strtok_r(line, "\t\n :", &save); word && !found;
	     word = strtok_r(NULL, "\t\n :", &save))
		found = !strcmp(word, feature);
	free(line);
	return found;
}

/* An address of 0 is one that the kernel does not show. */
static bool find_symbol(const char *name, unsigned long long *address)
{
	FILE *f = open_or_skip("/proc/kallsyms");
	char line[512], symbol[256];
	bool found = false;

	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%llx %*s %255s", address, symbol) == 2 &&
			!strcmp(symbol, name);
	fclose(f);
	return found;
}

bool has_function(const char *name)
{
	unsigned long long address;

	return find_symbol(name, &address);
}

unsigned long long symbol_address(const char *name)
{
	unsigned long long address = 0;

	return find_symbol(name, &address) ? address : 0;
}

static void pin_to(const cpu_set_t *set)
{
	if (sched_setaffinity(0, sizeof(*set), set))
		ksft_exit_fail_msg("sched_setaffinity: %s\n", strerror(errno));
}

/* In the process on an isolated CPU: its box, and the requests it has served. */
static struct box *own_box;
static unsigned int served;

void isolated_next(void)
{
	box_store(&own_box->done, ++served);
	box_wait(own_box, served);
}

bool isolated_turn(void)
{
	unsigned int turns = own_box->turns + 1;

	box_store(&own_box->turns, turns);
	/* Where one host CPU runs them all, let the others run. */
	if (turns % TURNS_AT_ONCE == 0)
		__builtin_ia32_pause();
	return box_load(&own_box->asked) == served + 1;
}

void isolated_report(int value)
{
	own_box->seen = value;
}

int isolated_read(void)
{
	struct oracle_state state;

	if (ioctl(oracle_fd, ORACLE_READ, &state))
		_exit(1);
	isolated_report(state.seen);
	return state.seen;
}

static void spin(struct box *box)
{
	own_box = box;
	for (box_wait(box, 0);; isolated_next()) {
		if (box->enter)
			((void (*)(void))(unsigned long)box->enter)();
		else
			isolated_read();
	}
}

static int read_here(void)
{
	struct oracle_state state;

	if (ioctl(oracle_fd, ORACLE_READ, &state))
		ksft_exit_fail_msg("oracle read: %s\n", strerror(errno));
	return state.seen;
}

/*
 * Measure whether a translation survives the way to user mode and back if nothing
 * flushes it.  This is the caller's CPU, where the entry code flushes in no mode.
 * The real remap at the end of a round flushes what the round left.
 */
static void calibrate(void)
{
	int i, mapped;

	for (i = 0; i < CALIBRATION_ROUNDS; i++) {
		read_here();
		mapped = oracle_request(ORACLE_REMAP_NO_FLUSH);
		calibration_stale += read_here() != mapped;
		while (oracle_request(ORACLE_REMAP) < 0)
			;
	}
}

/* Run the program next to this one; it finds its files by their numbers. */
static void become(const char *program, int box_fd)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n < 0)
		_exit(1);
	path[n] = 0;
	slash = strrchr(path, '/');
	snprintf(slash + 1, path + sizeof(path) - slash - 1, "%s", program);
	/* Each may have the other's number: move both away first. */
	box_fd = fcntl(box_fd, F_DUPFD, BOX_ORACLE_FD + 1);
	oracle_fd = fcntl(oracle_fd, F_DUPFD, BOX_ORACLE_FD + 1);
	dup2(box_fd, BOX_FD);
	dup2(oracle_fd, BOX_ORACLE_FD);
	execl(path, path, NULL);
	_exit(1);
}

void isolated_spawn(struct isolated *iso, const char *program)
{
	int fd = memfd_create("box", 0);
	cpu_set_t set;

	if (fd < 0 || ftruncate(fd, sizeof(*iso->box)))
		ksft_exit_fail_msg("memfd: %s\n", strerror(errno));
	iso->box = mmap(NULL, sizeof(*iso->box), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_POPULATE, fd, 0);
	if (iso->box == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));

	iso->pid = fork();
	if (iso->pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (!iso->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		CPU_ZERO(&set);
		CPU_SET(iso->cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			_exit(1);
		if (program)
			become(program, fd);
		spin(iso->box);
	}
	close(fd);
}

/*
 * Tell the test module where the per-CPU state is.  Without the address it reports -1,
 * as in a kernel without the option, and some tests would pass without a check.
 */
static void set_state_address(void)
{
	unsigned long long address;
	FILE *f;

	if (access(COALESCE_DEBUGFS, F_OK))
		return;
	if (!find_symbol("kernel_cr3_loaded", &address))
		ksft_exit_skip("/proc/kallsyms lacks data: set CONFIG_KALLSYMS_ALL\n");
	if (!address)
		ksft_exit_skip("/proc/kallsyms hides addresses: set kernel.kptr_restrict=1\n");
	f = fopen(STATE_ADDRESS, "w");
	if (!f || fprintf(f, "%#llx", address) < 0 || fclose(f))
		ksft_exit_fail_msg(STATE_ADDRESS ": %s\n", strerror(errno));
}

int isolated_find(struct isolated *cpus)
{
	cpu_set_t isolated, online, housekeeping, one;
	int cpu, n = 0, pinned = 0;

	read_cpu_list(NOHZ_FULL, &isolated);
	read_cpu_list(ONLINE_CPUS, &online);
	CPU_AND(&isolated, &isolated, &online);
	if (!CPU_COUNT(&isolated))
		ksft_exit_skip("no isolated CPU: boot with nohz_full=\n");

	oracle_fd = open("/dev/" ORACLE_DEVICE, O_RDWR | O_CLOEXEC);
	if (oracle_fd < 0)
		ksft_exit_skip("/dev/" ORACLE_DEVICE ": %s: load coalesce_tlbi_oracle.ko\n",
			       strerror(errno));
	set_state_address();

	/* One CPU, so that the purge and the next vmap() use the same pool. */
	CPU_XOR(&housekeeping, &online, &isolated);
	CPU_ZERO(&one);
	for (cpu = 0; cpu < CPU_SETSIZE && !pinned; cpu++) {
		if (CPU_ISSET(cpu, &housekeeping)) {
			CPU_SET(cpu, &one);
			pinned = 1;
		}
	}
	pin_to(&one);
	calibrate();

	for (cpu = 0; cpu < CPU_SETSIZE && n < MAX_ISOLATED; cpu++)
		if (CPU_ISSET(cpu, &isolated))
			cpus[n++] = (struct isolated){ .cpu = cpu };
	return n;
}

int isolated_start(struct isolated *cpus)
{
	int i, seen, n = isolated_find(cpus);

	for (i = 0; i < n; i++) {
		isolated_spawn(&cpus[i], NULL);
		isolated_read_all(&cpus[i], 1, &seen);
	}
	return n;
}

void isolated_stop(struct isolated *cpus, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		kill(cpus[i].pid, SIGKILL);
		waitpid(cpus[i].pid, NULL, 0);
		munmap(cpus[i].box, sizeof(*cpus[i].box));
	}
}

/* Wait until the process has set *@answer to *@question. */
static void await(const struct isolated *iso, unsigned int *answer, unsigned int *question)
{
	while (box_load(answer) != box_load(question)) {
		if (waitpid(iso->pid, NULL, WNOHANG))
			ksft_exit_fail_msg("the process on CPU %d died\n", iso->cpu);
		__builtin_ia32_pause();
	}
}

void isolated_ping(const struct isolated *cpus, int n)
{
	int i;

	for (i = 0; i < n; i++)
		box_store(&cpus[i].box->ping, cpus[i].box->ping + 1);
	for (i = 0; i < n; i++)
		await(&cpus[i], &cpus[i].box->pong, &cpus[i].box->ping);
}

void isolated_ask(struct isolated *iso, void (*enter)(void), unsigned int method)
{
	iso->box->enter = (unsigned long)enter;
	iso->box->method = method;
	box_store(&iso->box->asked, iso->box->asked + 1);
}

void isolated_await_turns(const struct isolated *cpus, int n, unsigned int turns)
{
	unsigned int from[MAX_ISOLATED];
	int i;

	for (i = 0; i < n; i++)
		from[i] = box_load(&cpus[i].box->turns);
	for (i = 0; i < n; i++) {
		while (box_load(&cpus[i].box->turns) - from[i] < turns) {
			if (waitpid(cpus[i].pid, NULL, WNOHANG))
				ksft_exit_fail_msg("the process on CPU %d died\n", cpus[i].cpu);
			__builtin_ia32_pause();
		}
	}
}

int isolated_reported(const struct isolated *iso)
{
	return iso->box->seen;
}

void isolated_await(const struct isolated *iso)
{
	await(iso, &iso->box->done, &iso->box->asked);
}

void isolated_enter(struct isolated *iso, void (*enter)(void), unsigned int method)
{
	isolated_ask(iso, enter, method);
	isolated_await(iso);
}

int isolated_try(struct isolated *iso, void (*enter)(void), unsigned int method)
{
	int status;

	isolated_ask(iso, enter, method);
	while (box_load(&iso->box->done) != box_load(&iso->box->asked)) {
		if (waitpid(iso->pid, &status, WNOHANG) == iso->pid) {
			munmap(iso->box, sizeof(*iso->box));
			return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
		}
		__builtin_ia32_pause();
	}
	return 0;
}

void isolated_read_all(struct isolated *cpus, int n, int *seen)
{
	int i;

	for (i = 0; i < n; i++)
		isolated_ask(&cpus[i], NULL, BOX_READ);

	for (i = 0; i < n; i++) {
		await(&cpus[i], &cpus[i].box->done, &cpus[i].box->asked);
		seen[i] = cpus[i].box->seen;
	}
}

int oracle_command(unsigned long request, void *arg)
{
	return ioctl(oracle_fd, request, arg) ? errno : 0;
}

int oracle_request(unsigned long request)
{
	struct oracle_state state = { 0 };

	if (!ioctl(oracle_fd, request, &state))
		return state.mapped;
	if (errno == ENOMEM)
		ksft_exit_skip("no memory for oracle request %#lx\n", request);
	if (errno != EAGAIN)
		ksft_exit_fail_msg("oracle request %#lx: %s\n", request, strerror(errno));
	return -1;
}

int oracle_round(struct isolated *cpus, int n, unsigned long request)
{
	int i, mapped, stale = 0, seen[MAX_ISOLATED];

	while ((mapped = oracle_request(request)) < 0)
		isolated_read_all(cpus, n, seen);

	isolated_read_all(cpus, n, seen);
	for (i = 0; i < n; i++)
		stale += seen[i] != mapped;

	if (request == ORACLE_REMAP_NO_FLUSH)
		oracle_round(cpus, n, ORACLE_REMAP);
	return stale;
}

void oracle_watch_nmi(int cpu, struct oracle_nmi *nmi)
{
	nmi->cpu = cpu;
	if (ioctl(oracle_fd, ORACLE_WATCH_NMI, nmi))
		ksft_exit_fail_msg("watching NMIs: %s\n", strerror(errno));
}

bool staleness_shows(void)
{
	return calibration_stale > CALIBRATION_ROUNDS / 2;
}

void machine_print(void)
{
	static const char * const features[] = { "pge", "pcid", "invpcid", "ibt", "pti" };
	char shown[64] = "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (cpu_has(features[i]))
			strcat(strcat(shown, " "), features[i]);
	ksft_print_msg("CPU features:%s\n", shown);
	ksft_print_msg("an entry kept the translation in %d of %d rounds: a missing flush %s\n",
		       calibration_stale, CALIBRATION_ROUNDS,
		       staleness_shows() ? "shows" : "does not show");
}
