// SPDX-License-Identifier: GPL-2.0
/* See isolated.h. */
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

#define DEBUGFS		"/sys/kernel/debug/x86/coalesce_tlbi"
#define NOHZ_FULL	"/sys/devices/system/cpu/nohz_full"
#define ONLINE		"/sys/devices/system/cpu/online"
#define TRACEFS		"/sys/kernel/tracing/"

/* Rounds on the calling CPU by which staleness_shows() is decided. */
#define CALIBRATION_ROUNDS	16

/* A batch starts when the CPUs took no interrupt over this many readings. */
#define QUIET_READS	3
#define MAX_QUIET_TRIES	100

#define TURNS_AT_ONCE	16

static int oracle_fd = -1;
static int calibration_stale;

/* A child must not print again what its parent has in its buffer. */
static void __attribute__((constructor)) print_by_line(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static FILE *open_or_skip(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		ksft_exit_skip("%s: %s\n", path, strerror(errno));
	return f;
}

/* Parse a CPU list such as "2-3,7"; an empty one or "(null)" gives no CPU. */
static void read_cpu_list(const char *path, cpu_set_t *set)
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

static void pin_to(const cpu_set_t *set)
{
	if (sched_setaffinity(0, sizeof(*set), set))
		ksft_exit_fail_msg("sched_setaffinity: %s\n", strerror(errno));
}

/* In the process on an isolated CPU: its box, and how much of it is done. */
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
	/* Where all CPUs share one of the machine below, let the others go on. */
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
 * Does a translation survive the way to user mode and back, if nobody flushes?
 * Asked on the caller's CPU, where the entry code flushes in no mode.  The real
 * remap at the end of a round takes away what the round left.
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

/* The 32-bit program is beside this one; it finds its files by their numbers. */
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
	/* Away from the two numbers first: each could be the other's. */
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

int isolated_find(struct isolated *cpus)
{
	cpu_set_t isolated, online, housekeeping, one;
	int cpu, n = 0, pinned = 0;

	read_cpu_list(NOHZ_FULL, &isolated);
	read_cpu_list(ONLINE, &online);
	CPU_AND(&isolated, &isolated, &online);
	if (!CPU_COUNT(&isolated))
		ksft_exit_skip("no isolated CPU: boot with nohz_full=\n");

	oracle_fd = open("/dev/" ORACLE_DEVICE, O_RDWR | O_CLOEXEC);
	if (oracle_fd < 0)
		ksft_exit_skip("/dev/" ORACLE_DEVICE ": %s: load coalesce_tlbi_oracle.ko\n",
			       strerror(errno));

	/* One CPU, so that the drain and the next vmap() use the same pool. */
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

/* Wait for an answer of the child: *@answer == *@question. */
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

/* The column of /proc/interrupts that belongs to @cpu, from the header line. */
static int column_of(char *header, int cpu)
{
	char *save, *word = strtok_r(header, "\n ", &save);
	int column = 0, n;

	for (; word; word = strtok_r(NULL, "\n ", &save), column++)
		if (sscanf(word, "CPU%d", &n) == 1 && n == cpu)
			return column;
	ksft_exit_fail_msg("CPU %d is not in /proc/interrupts\n", cpu);
	return -1;
}

/* The number in @column of a row; 0 in rows that have no such column. */
static unsigned long row_value(char *row, int column)
{
	char *end, *p = row;
	unsigned long value = 0;
	int i;

	for (i = 0; i <= column; i++) {
		value = strtoul(p, &end, 10);
		if (end == p)
			return 0;
		p = end;
	}
	return value;
}

void tally_add(struct tally *sum, const char *name, unsigned long n)
{
	int i;

	for (i = 0; i < sum->n; i++)
		if (!strcmp(sum->entry[i].name, name))
			break;
	if (i == MAX_TALLY)
		ksft_exit_fail_msg("more than %d names to count\n", MAX_TALLY);
	if (i == sum->n)
		snprintf(sum->entry[sum->n++].name, sizeof(sum->entry[i].name), "%s", name);
	sum->entry[i].n += n;
}

/* Call @row for every row of /proc/interrupts that has a number for @cpu. */
static void each_row(int cpu, void (*row)(const char *name, unsigned long n, void *arg), void *arg)
{
	FILE *f = open_or_skip("/proc/interrupts");
	char *line = NULL, *rest;
	size_t size = 0;
	int column;

	if (getline(&line, &size, f) < 0)
		ksft_exit_fail_msg("/proc/interrupts is empty\n");
	column = column_of(line, cpu);

	while (getline(&line, &size, f) >= 0) {
		rest = strchr(line, ':');
		if (!rest)
			continue;
		*rest++ = 0;
		row(line + strspn(line, " "), row_value(rest, column), arg);
	}
	free(line);
	fclose(f);
}

static bool is_interrupt(const char *name)
{
	return strcmp(name, "CTI") && strcmp(name, "ERR") && strcmp(name, "MIS");
}

static void count_row(const char *name, unsigned long n, void *arg)
{
	struct counts *c = arg;

	if (!strcmp(name, "CTI"))
		c->deferred = n;
	else if (is_interrupt(name))
		c->interrupts += n;
}

static void add_row(const char *name, unsigned long n, void *arg)
{
	if (is_interrupt(name))
		tally_add(arg, name, n);
}

void tally_rows(struct tally *sum, int cpu)
{
	each_row(cpu, add_row, sum);
}

void counts_read(int cpu, struct counts *c)
{
	unsigned long deferred, flushes, settled;
	char line[256];
	FILE *f;
	int n;

	memset(c, 0, sizeof(*c));
	each_row(cpu, count_row, c);

	f = fopen(DEBUGFS, "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d %lu %lu %lu", &n, &deferred, &flushes, &settled) != 4 ||
		    n != cpu)
			continue;
		c->entry_flushes = flushes;
		c->settled = settled;
	}
	fclose(f);
}

/*
 * The word first: an interrupt that came before it was read and has returned is in
 * the count, and one that has not returned is in the word.  The other way round a tick
 * between the two pays, and the CPU seems to have been spared and to owe nothing.
 */
enum debt isolated_debt(const struct isolated *iso, unsigned long interrupts)
{
	struct oracle_word word = { .cpu = iso->cpu };
	int err = oracle_command(ORACLE_WORD, &word);
	struct counts c;

	if (err)
		ksft_exit_fail_msg("CPU %d: its word: %s\n", iso->cpu, strerror(err));
	counts_read(iso->cpu, &c);
	if (c.interrupts != interrupts || (word.word >= 0 && (word.word & KERNEL_CR3_LOADED)))
		return DEBT_UNCLEAR;
	return word.word >= 0 && (word.word & KERNEL_CR3_OWED) ? DEBT_OWED : DEBT_NONE;
}

unsigned long large_page_splits(void)
{
	FILE *f = fopen("/proc/vmstat", "r");
	unsigned long n, sum = 0;
	char name[64];

	while (f && fscanf(f, "%63s %lu", name, &n) == 2)
		if (!strncmp(name, "direct_map_level", 16) && strstr(name, "splits"))
			sum += n;
	if (f)
		fclose(f);
	return sum;
}

unsigned long deferred_sum(const struct isolated *cpus, int n)
{
	unsigned long sum = 0;
	struct counts c;
	int i;

	for (i = 0; i < n; i++) {
		counts_read(cpus[i].cpu, &c);
		sum += c.deferred;
	}
	return sum;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0)
		ksft_exit_skip("%s: %s\n", path, strerror(errno));
	if (write(fd, text, strlen(text)) < 0)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	close(fd);
}

void flushes_start(void)
{
	write_file(TRACEFS "events/csd/csd_function_entry/enable", "1");
	if (strcmp(coalesce_mode(), "none"))
		write_file(TRACEFS "events/coalesce_tlbi/enable", "1");
	write_file(TRACEFS "tracing_on", "1");
	write_file(TRACEFS "trace", "\n");
}

void flushes_stop(void)
{
	write_file(TRACEFS "events/csd/csd_function_entry/enable", "0");
	if (strcmp(coalesce_mode(), "none"))
		write_file(TRACEFS "events/coalesce_tlbi/enable", "0");
}

static void fail_if_overrun(int cpu)
{
	unsigned long lost;
	char path[128], line[256];
	FILE *f;

	snprintf(path, sizeof(path), TRACEFS "per_cpu/cpu%d/stats", cpu);
	f = open_or_skip(path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "overrun: %lu", &lost) == 1 && lost)
			ksft_exit_fail_msg("CPU %d lost %lu trace events\n", cpu, lost);
	fclose(f);
}

/* Call @line for every line of a CPU's trace; fails if the trace lost one. */
static void read_trace(int cpu, void (*line)(const char *text, void *arg), void *arg)
{
	char path[128], text[512];
	FILE *trace;

	fail_if_overrun(cpu);
	snprintf(path, sizeof(path), TRACEFS "per_cpu/cpu%d/trace", cpu);
	trace = open_or_skip(path);
	while (fgets(text, sizeof(text), trace))
		line(text, arg);
	fclose(trace);
}

static void count_flush(const char *text, void *arg)
{
	static const char * const callbacks[] = {
		"func=do_flush_tlb_all,", "func=do_kernel_range_flush,", "func=settle_this_cpu,",
	};
	struct flushes *f = arg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(callbacks); i++)
		if (strstr(text, callbacks[i]))
			break;
	if (i == ARRAY_SIZE(callbacks))
		return;
	/* The requester runs the function itself, with no csd. */
	if (strstr(text, "csd=0000000000000000"))
		f->requested++;
	else
		f->received++;
}

void flushes_read(int cpu, struct flushes *f)
{
	memset(f, 0, sizeof(*f));
	read_trace(cpu, count_flush, f);
}

struct callback {
	const char *name;
	unsigned long n;
};

static void count_callback(const char *text, void *arg)
{
	struct callback *c = arg;
	const char *func = strstr(text, "func=");
	size_t len = strlen(c->name);

	if (func && !strncmp(func + 5, c->name, len) && func[5 + len] == ',' &&
	    !strstr(text, "csd=0000000000000000"))
		c->n++;
}

unsigned long callbacks_received(int cpu, const char *name)
{
	struct callback c = { .name = name };

	read_trace(cpu, count_callback, &c);
	return c.n;
}

static void add_callback(const char *text, void *arg)
{
	const char *func = strstr(text, "func=");
	char name[64];

	if (func && !strstr(text, "csd=0000000000000000") &&
	    sscanf(func, "func=%63[^,]", name) == 1)
		tally_add(arg, name, 1);
}

void tally_callbacks(struct tally *sum, int cpu)
{
	read_trace(cpu, add_callback, sum);
}

bool is_deferrable(const char *function)
{
	static const char * const names[] = {
		"do_flush_tlb_all", "do_kernel_range_flush", "settle_this_cpu", "__cpa_flush_tlb",
		"do_sync_core", "ftrace_sync_ipi", "tlb_remove_table_smp_sync",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(function, names[i]))
			return true;
	return false;
}

unsigned long tally_deferrable(const struct tally *calls)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < calls->n; i++)
		if (is_deferrable(calls->entry[i].name))
			sum += calls->entry[i].n;
	return sum;
}

unsigned long flushes_requested(void)
{
	unsigned long sum = 0;
	struct flushes f;
	cpu_set_t online;
	int cpu;

	read_cpu_list(ONLINE, &online);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &online))
			continue;
		flushes_read(cpu, &f);
		sum += f.requested;
	}
	return sum;
}

struct deferral {
	int cpu;
	const char *caller;
	unsigned long n;
};

static void count_deferral(const char *text, void *arg)
{
	const char *event = strstr(text, "coalesce_tlbi_defer: cpu=");
	unsigned long start, end;
	struct deferral *d = arg;
	char caller[64];
	int cpu;

	if (!event || sscanf(event, "coalesce_tlbi_defer: cpu=%d start=0x%lx end=0x%lx caller=%63s",
			     &cpu, &start, &end, caller) != 4)
		return;
	if (cpu == d->cpu && end > start &&
	    (!d->caller || !strncmp(caller, d->caller, strlen(d->caller))))
		d->n++;
}

unsigned long deferrals_traced(int cpu, const char *caller)
{
	struct deferral d = { .cpu = cpu, .caller = caller };
	cpu_set_t online;
	int sender;

	read_cpu_list(ONLINE, &online);
	for (sender = 0; sender < CPU_SETSIZE; sender++)
		if (CPU_ISSET(sender, &online))
			read_trace(sender, count_deferral, &d);
	return d.n;
}

struct timeline {
	int cpu;
	bool own;
};

/* The time is the word before the name of the event. */
static void print_event(const char *text, void *arg)
{
	const struct timeline *t = arg;
	struct flushes f = { 0 };
	double seconds;

	if (text[0] == '#' || sscanf(text, "%*[^]]] %*s %lf:", &seconds) != 1)
		return;
	if (t->own && strstr(text, "func=") && !strstr(text, "csd=0000000000000000")) {
		printf("event %.6f received\n", seconds);
	} else if (!t->own) {
		struct deferral d = { .cpu = t->cpu };

		count_flush(text, &f);
		count_deferral(text, &d);
		if (f.requested)
			printf("event %.6f requested\n", seconds);
		if (d.n)
			printf("event %.6f deferred\n", seconds);
	}
}

void events_print(int cpu)
{
	struct timeline t = { .cpu = cpu };
	cpu_set_t online;
	int sender;

	read_cpu_list(ONLINE, &online);
	for (sender = 0; sender < CPU_SETSIZE; sender++) {
		t.own = sender == cpu;
		if (CPU_ISSET(sender, &online))
			read_trace(sender, print_event, &t);
	}
}

/* Have no CPU taken an interrupt since the counters were last read? */
static bool quiet_since(struct counts *last, const struct isolated *cpus, int n)
{
	bool quiet = true;
	struct counts now;
	int i;

	for (i = 0; i < n; i++) {
		counts_read(cpus[i].cpu, &now);
		quiet = quiet && now.interrupts == last[i].interrupts;
		last[i] = now;
	}
	return quiet;
}

void batch_begin(struct batch *batch, const struct isolated *cpus, int n)
{
	int quiet = 0, tries;

	flushes_start();
	memset(batch->before, 0, sizeof(batch->before));
	for (tries = 0; quiet < QUIET_READS && tries < MAX_QUIET_TRIES; tries++) {
		isolated_ping(cpus, n);
		quiet = quiet_since(batch->before, cpus, n) ? quiet + 1 : 0;
	}
	/*
	 * An interrupt that was counted above may still be in progress.  It is
	 * over once its CPU answers from user mode; a later one counts.
	 */
	isolated_ping(cpus, n);
}

static enum verdict judge(struct batch *batch, const struct isolated *cpus, int n)
{
	enum verdict verdict, worst = BATCH_SPARED;
	unsigned long interrupts;
	struct counts after;
	struct flushes f;
	int i;

	for (i = 0; i < n; i++) {
		flushes_read(cpus[i].cpu, &f);
		counts_read(cpus[i].cpu, &after);
		batch->received[i] = f.received;
		batch->deferred[i] = after.deferred - batch->before[i].deferred;
		batch->traced[i] = deferrals_traced(cpus[i].cpu, NULL);
		if (!f.received)
			continue;

		interrupts = after.interrupts - batch->before[i].interrupts;
		verdict = interrupts > f.received ? BATCH_STRAY : BATCH_INTERRUPTED;
		if (verdict > worst)
			worst = verdict;
		if (coalesce_defers())
			ksft_print_msg("CPU %d: %lu flushes among %lu interrupts received\n",
				       cpus[i].cpu, f.received, interrupts);
	}
	return worst;
}

/* Again if another flush came while the counters were being read. */
enum verdict batch_end(struct batch *batch, const struct isolated *cpus, int n)
{
	enum verdict verdict;

	do {
		batch->requested = flushes_requested();
		verdict = judge(batch, cpus, n);
	} while (flushes_requested() != batch->requested);
	return verdict;
}

bool coalesce_defers(void)
{
	const char *mode = coalesce_mode();

	return !strcmp(mode, "always") || !strcmp(mode, "owed");
}

const char *coalesce_mode(void)
{
	static char mode[16];
	FILE *f = fopen(DEBUGFS, "r");
	int n;

	if (!f)
		return "none";
	n = fscanf(f, "mode %15s", mode);
	fclose(f);
	if (n != 1)
		ksft_exit_fail_msg(DEBUGFS " has no mode\n");
	return mode;
}

bool staleness_shows(void)
{
	return calibration_stale > CALIBRATION_ROUNDS / 2;
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

bool has_function(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512], symbol[256];
	bool found = false;

	if (!f)
		ksft_exit_skip("/proc/kallsyms: %s\n", strerror(errno));
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %*s %255s", symbol) == 1 && !strcmp(symbol, name);
	fclose(f);
	return found;
}

void machine_print(void)
{
	static const char * const features[] = { "pge", "pcid", "invpcid", "pti" };
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
