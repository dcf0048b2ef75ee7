// SPDX-License-Identifier: GPL-2.0
/* Calls isolated.c only.  See counts.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest.h"
#include "counts.h"
#include "test_modules/deferrable_calls.h"

#define TRACEFS		"/sys/kernel/tracing/"

/* A batch starts when the CPUs took no interrupt over this many readings. */
#define QUIET_READS	3
#define MAX_QUIET_TRIES	100

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

/* The number in @column of a row, 0 if the row has no such column. */
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

void tally_subtract(struct tally *sum, const struct tally *other)
{
	int i, j;

	for (i = 0; i < sum->n; i++)
		for (j = 0; j < other->n; j++)
			if (!strcmp(sum->entry[i].name, other->entry[j].name))
				sum->entry[i].n -= other->entry[j].n;
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
	return strcmp(name, "ERR") && strcmp(name, "MIS");
}

static void count_row(const char *name, unsigned long n, void *arg)
{
	struct counts *c = arg;

	if (is_interrupt(name))
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
	struct counts row = { 0 };
	char line[256];
	FILE *f;
	int n;

	memset(c, 0, sizeof(*c));
	each_row(cpu, count_row, c);

	/* Lists the CPUs that defer; a kernel without the option has no such file. */
	f = fopen(COALESCE_DEBUGFS, "r");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d %lu %lu %lu", &n, &row.deferred, &row.entry_flushes,
			   &row.forced) != 4 || n != cpu)
			continue;
		row.interrupts = c->interrupts;
		*c = row;
	}
	fclose(f);
}

/*
 * The state is read before the count.  An interrupt that came before and has
 * returned is in the count; one that has not returned shows in the state.  In the
 * other order a tick between the two would flush, and the CPU would seem to have
 * taken no interrupt and to have no flush pending.
 *
 * Where nothing is deferred, the state is always LOADED and says nothing.  A CPU
 * that took no interrupt has to be recognised there too, or the control is empty.
 */
enum pending isolated_pending(const struct isolated *iso, unsigned long interrupts)
{
	struct oracle_cpu_state request = { .cpu = iso->cpu };
	int err = oracle_command(ORACLE_CPU_STATE, &request);
	bool told = coalesce_defers() && request.state >= 0;
	struct counts c;

	if (err)
		ksft_exit_fail_msg("CPU %d: its state: %s\n", iso->cpu, strerror(err));
	counts_read(iso->cpu, &c);
	if (c.interrupts != interrupts || (told && (request.state & KERNEL_CR3_LOADED)))
		return PENDING_UNCLEAR;
	return told && (request.state & KERNEL_CR3_FLUSH_PENDING) ? PENDING_FLUSH : PENDING_NO;
}

unsigned long huge_page_splits(void)
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

/* Under KASAN, freeing vmalloc memory also frees the pages of its shadow. */
static bool frees_shadow(void)
{
	static int frees = -1;

	if (frees < 0)
		frees = has_function("kasan_release_vmalloc");
	return frees;
}

void flushes_start(void)
{
	write_file(TRACEFS "events/csd/csd_function_entry/enable", "1");
	if (frees_shadow())
		write_file(TRACEFS "events/vmalloc/purge_vmap_area_lazy/enable", "1");
	if (strcmp(coalesce_mode(), "none"))
		write_file(TRACEFS "events/coalesce_tlbi/enable", "1");
	write_file(TRACEFS "tracing_on", "1");
	write_file(TRACEFS "trace", "\n");
}

void flushes_stop(void)
{
	write_file(TRACEFS "events/csd/csd_function_entry/enable", "0");
	if (frees_shadow())
		write_file(TRACEFS "events/vmalloc/purge_vmap_area_lazy/enable", "0");
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

/* Copy the name of the callback that a line is about; false if it is about none. */
static bool callback_of(const char *text, char name[64])
{
	const char *func = strstr(text, "func=");

	return func && sscanf(func, "func=%63[^,]", name) == 1;
}

/* The initiator runs the callback itself, with no csd. */
static bool is_own_call(const char *text)
{
	return strstr(text, "csd=0000000000000000");
}

static const struct deferrable_call *find_deferrable(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(deferrable_calls); i++)
		if (!strcmp(deferrable_calls[i].name, name))
			return &deferrable_calls[i];
	return NULL;
}

static void count_flush(const char *text, void *arg)
{
	const struct deferrable_call *call;
	struct flushes *f = arg;
	char name[64];

	call = callback_of(text, name) ? find_deferrable(name) : NULL;
	if (!call || !call->is_flush)
		return;
	if (is_own_call(text))
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
	char name[64];

	if (callback_of(text, name) && !strcmp(name, c->name) && !is_own_call(text))
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
	char name[64];

	if (callback_of(text, name) && !is_own_call(text))
		tally_add(arg, name, 1);
}

void tally_callbacks(struct tally *sum, int cpu)
{
	read_trace(cpu, add_callback, sum);
}

bool is_deferrable(const char *function)
{
	return find_deferrable(function);
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

	read_cpu_list(ONLINE_CPUS, &online);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &online))
			continue;
		flushes_read(cpu, &f);
		sum += f.requested;
	}
	return sum;
}

static void count_purge(const char *text, void *arg)
{
	unsigned long *purges = arg;

	if (strstr(text, "purge_vmap_area_lazy:") && !strstr(text, "num_purged=0\n"))
		(*purges)++;
}

/* A purge is traced after its own flush, which may be deferred. */
unsigned long flushes_of_shadow(void)
{
	unsigned long purges = 0, requested;
	cpu_set_t online;
	int cpu;

	if (!frees_shadow())
		return 0;
	read_cpu_list(ONLINE_CPUS, &online);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &online))
			read_trace(cpu, count_purge, &purges);
	requested = flushes_requested();
	/* The flush of a purge may have come before the trace began. */
	return requested > purges ? requested - purges : 0;
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
	int initiator;

	read_cpu_list(ONLINE_CPUS, &online);
	for (initiator = 0; initiator < CPU_SETSIZE; initiator++)
		if (CPU_ISSET(initiator, &online))
			read_trace(initiator, count_deferral, &d);
	return d.n;
}

struct timeline {
	int cpu;
	bool own;
};

/* The time precedes the name of the event. */
static void print_event(const char *text, void *arg)
{
	const struct timeline *t = arg;
	struct flushes f = { 0 };
	double seconds;

	if (text[0] == '#' || sscanf(text, "%*[^]]] %*s %lf:", &seconds) != 1)
		return;
	if (t->own && strstr(text, "func=") && !is_own_call(text)) {
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
	int initiator;

	read_cpu_list(ONLINE_CPUS, &online);
	for (initiator = 0; initiator < CPU_SETSIZE; initiator++) {
		t.own = initiator == cpu;
		if (CPU_ISSET(initiator, &online))
			read_trace(initiator, print_event, &t);
	}
}

/* True if no CPU took an interrupt since the counters were last read. */
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
	 * An interrupt that was counted above may still be in progress.  It has
	 * ended once its CPU answers from user mode; a later one counts.
	 */
	isolated_ping(cpus, n);
}

static enum verdict judge(struct batch *batch, const struct isolated *cpus, int n)
{
	unsigned long of_shadow = flushes_of_shadow(), interrupts, received;
	enum verdict verdict, worst = BATCH_DEFERRED;
	struct counts after;
	struct flushes f;
	int i;

	for (i = 0; i < n; i++) {
		flushes_read(cpus[i].cpu, &f);
		counts_read(cpus[i].cpu, &after);
		batch->received[i] = f.received;
		batch->deferred[i] = after.deferred - batch->before[i].deferred;
		batch->traced[i] = deferrals_traced(cpus[i].cpu, NULL);
		if (f.received <= of_shadow)
			continue;

		received = f.received - of_shadow;
		interrupts = after.interrupts - batch->before[i].interrupts;
		verdict = interrupts > received ? BATCH_STRAY : BATCH_RECEIVED;
		if (verdict > worst)
			worst = verdict;
		if (coalesce_defers())
			ksft_print_msg("CPU %d: %lu flush IPIs among %lu interrupts\n",
				       cpus[i].cpu, received, interrupts);
	}
	return worst;
}

/* Repeat if another flush happened while the counters were being read. */
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

	return !strcmp(mode, "always") || !strcmp(mode, "pending");
}

const char *coalesce_mode(void)
{
	static char mode[16];
	FILE *f = fopen(COALESCE_DEBUGFS, "r");
	int n;

	if (!f)
		return "none";
	n = fscanf(f, "mode %15s", mode);
	fclose(f);
	if (n != 1)
		ksft_exit_fail_msg(COALESCE_DEBUGFS " has no mode\n");
	return mode;
}
