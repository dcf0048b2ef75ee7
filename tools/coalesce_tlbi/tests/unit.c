// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of the parsers, of the sums, and of how a tracing instance is set up and
 * removed.  KTAP on standard output; status 1 if a test fails.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <traceevent/event-parse.h>
#include <tracefs/tracefs.h>

#include "common.h"
#include "cpus.h"
#include "fake_tracefs.h"
#include "interrupts.h"
#include "kernel.h"
#include "tally.h"
#include "trace.h"

/* More steps than there are from tracer_start() to tracer_stop() */
#define MANY_STEPS	30

static int tests, failed;

static void result(bool ok, const char *name, const char *what)
{
	tests++;
	failed += !ok;
	printf("%s %d %s: %s\n", ok ? "ok" : "not ok", tests, name, what);
}

/* Lists, and how they are formatted */
static void test_lists(void)
{
	static const struct {
		const char *in, *out;	/* NULL: refused */
	} list[] = {
		{ "", "" }, { "(null)", "" }, { "0", "0" }, { "2-3", "2-3" },
		{ "1,3,5-7", "1,3,5-7" }, { "3,2", "2-3" }, { "0-63,64-127", "0-127" },
		{ "8191", "8191" },
		{ "8192", NULL }, { "3-2", NULL }, { "1,", NULL }, { ",1", NULL },
		{ "1-", NULL }, { "a", NULL }, { "1 2", NULL }, { "-1", NULL },
		{ "18446744073709551617", NULL },
	};
	char text[CPUS_TEXT];
	struct cpus set;
	size_t i;
	bool ok;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		ok = cpus_parse(list[i].in, &set);
		cpus_format(&set, text, sizeof(text));
		result(list[i].out ? ok && !strcmp(text, list[i].out) : !ok && !text[0],
		       list[i].out ? "list" : "not a list", list[i].in);
	}
}

static void test_masks(void)
{
	static const struct {
		const char *in, *out;
	} mask[] = {
		{ "f", "0-3" }, { "0000000c", "2-3" }, { "1,00000000", "32" }, { "0", "" },
		{ "ffffffff,fffffff3", "0-1,4-63" }, { "A", "1,3" },
		{ "", NULL }, { "g", NULL }, { "0x3", NULL },
	};
	char text[CPUS_TEXT];
	struct cpus set;
	char wide[MAX_CPUS / 4 + 2];
	size_t i;
	bool ok;

	for (i = 0; i < ARRAY_SIZE(mask); i++) {
		ok = cpus_parse_mask(mask[i].in, &set);
		cpus_format(&set, text, sizeof(text));
		result(mask[i].out ? ok && !strcmp(text, mask[i].out) : !ok && !text[0],
		       mask[i].out ? "mask" : "not a mask", mask[i].in);
	}
	memset(wide, '0', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = 0;
	result(cpus_parse_mask(wide, &set), "mask", "leading zeroes beyond the last CPU");
	wide[0] = '1';
	result(!cpus_parse_mask(wide, &set), "not a mask", "a CPU out of range");
}

/* A list that does not fit ends in dots, inside its buffer. */
static void test_long_list(void)
{
	char text[64];
	struct cpus set;
	int cpu;

	memset(&set, 0, sizeof(set));
	for (cpu = 0; cpu < MAX_CPUS; cpu += 2)
		cpus_set(&set, cpu);
	cpus_format(&set, text, sizeof(text));
	result(strlen(text) < sizeof(text) && !strcmp(text + strlen(text) - 4, ",..."), "list",
	       "a long list ends in dots");
	result(cpus_count(&set) == MAX_CPUS / 2, "list", "CPUs are counted");
}

static void test_sets(void)
{
	struct cpus a, b, c;
	char text[CPUS_TEXT];

	cpus_parse("0-5", &a);
	cpus_parse("4-7", &b);
	c = a;
	cpus_or(&c, &b);
	result(!strcmp(cpus_format(&c, text, sizeof(text)), "0-7"), "sets", "union");
	c = a;
	cpus_and(&c, &b);
	result(!strcmp(cpus_format(&c, text, sizeof(text)), "4-5"), "sets", "intersection");
	c = a;
	cpus_andnot(&c, &b);
	result(!strcmp(cpus_format(&c, text, sizeof(text)), "0-3"), "sets", "difference");
	result(!cpus_test(&a, -1) && !cpus_test(&a, MAX_CPUS), "sets", "no CPU out of range");
}

static void test_numbers(void)
{
	result(parse_seconds("1") == 1000000000, "seconds", "1");
	result(parse_seconds("0.25") == 250000000, "seconds", "0.25");
	result(!parse_seconds("0"), "not seconds", "0");
	result(!parse_seconds("-1"), "not seconds", "-1");
	result(!parse_seconds("1s"), "not seconds", "1s");
	result(!parse_seconds("nan"), "not seconds", "nan");
	result(!parse_seconds("inf"), "not seconds", "inf");
	result(!parse_seconds(""), "not seconds", "(empty)");
	result(parse_count("7") == 7, "count", "7");
	result(!parse_count("0"), "not a count", "0");
	result(!parse_count("7x"), "not a count", "7x");
	result(!parse_count("99999999999999999999"), "not a count", "99999999999999999999");
}

static void add(struct tally *tally, int pid, int target, const char *callback,
		const char *stack)
{
	struct event event = {
		.kind = EVENT_CALL, .target = target, .pid = pid, .comm = "task",
		.callback = callback, .stack = stack,
	};

	tally_add(tally, &event);
}

static void test_tally(void)
{
	static struct tally tally;
	struct initiator **sorted;
	char text[CPUS_TEXT];
	int i;

	for (i = 0; i < 3; i++)
		add(&tally, 7, i, "often", "a;b");
	add(&tally, 7, 0, "often", "a;c");
	add(&tally, 7, 0, "seldom", "a;b");
	add(&tally, 8, 0, "seldom", "a;b");
	sorted = tally_sorted(&tally);
	result(tally.n == 3, "tally", "other stacks and functions make other initiators");
	result(!strcmp(sorted[0]->callback, "often") && sorted[0]->count == 3, "tally",
	       "the most frequent initiator is first");
	result(!strcmp(cpus_format(&sorted[0]->targets, text, sizeof(text)), "0-2"), "tally",
	       "CPUs are collected");
	result(sorted[0]->pid == 7 && sorted[1]->pid == -1, "tally",
	       "several tasks of one name have no PID");
	free(sorted);
	tally_clear(&tally);
	result(!tally.n, "tally", "is empty after tally_clear()");
}

static void test_rows(void)
{
	static const char * const others[] = { "TLB", "RTR", "MCP" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		result(!interrupts_counts_arrivals(others[i]), "not an interrupt", others[i]);
	result(interrupts_counts_arrivals("CAL"), "interrupt", "CAL");
	result(interrupts_counts_arrivals("24"), "interrupt", "24");
}

static void test_carrier(void)
{
	result(event_is_carrier("generic_smp_call_function_single_interrupt"), "ipi",
	       "carries function calls");
	result(!event_is_carrier("reschedule"), "ipi", "a reschedule carries no function calls");
}

static char dir[64];

static void make_dir(void)
{
	char path[128];

	snprintf(dir, sizeof(dir), "/tmp/coalesce-tlbi-unit.XXXXXX");
	if (!mkdtemp(dir))
		fail(TOOL_FILE, "no temporary directory");
	snprintf(path, sizeof(path), "%s/instances", dir);
	mkdir(path, 0700);
	/* Without securityfs and a command line, nothing is locked down. */
	root_set(dir);
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	if (system(command))
		puts("# the temporary directory remains");
}

static void put(const char *name, const char *text)
{
	char command[512];

	snprintf(command, sizeof(command), "mkdir -p $(dirname %s/%s) && echo '%s' > %s/%s", dir,
		 name, text, dir, name);
	if (system(command))
		fail(TOOL_FILE, "%s: cannot be written", name);
}

static struct tracer *start(char *why, size_t size)
{
	struct cpus cpus;

	cpus_parse("2", &cpus);
	return tracer_start(&cpus, true, why, size);
}

/*
 * The kernel leaks a reference if an instance is removed with an event filter, and
 * events stay enabled if it is not removed.
 */
static bool leaves_nothing(const char *log)
{
	char file[128], value[128];
	int instances = 0, filters = 0;
	bool leaks = false;

	for (; *log; log = strchr(log, '\n') + 1) {
		if (sscanf(log, "%127s %127s", file, value) != 2)
			return false;
		if (!strcmp(file, "create"))
			instances++;
		else if (!strcmp(file, "filter") || !strcmp(file, "trigger"))
			filters += strcmp(value, "0") && value[0] != '!' ? 1 : -1;
		else if (!strcmp(file, "destroy"))
			leaks = leaks || instances-- != 1 || filters;
	}
	return !leaks && !instances;
}

static void test_instance(void)
{
	struct tracer *t;
	char why[256];
	int step;
	bool ok = true;

	fake_start(dir, 0);
	t = start(why, sizeof(why));
	if (t)
		tracer_go(t);
	tracer_stop(t);
	result(t && strstr(fake_log(), "enable 1") && leaves_nothing(fake_log()), "instance",
	       "is removed without a filter");
	for (step = 1; step < MANY_STEPS; step++) {
		fake_start(dir, step);
		tracer_stop(start(why, sizeof(why)));
		ok = ok && leaves_nothing(fake_log());
	}
	result(ok, "instance", "is removed whichever step before that fails");
}

/* What a test of the log must see */
static void test_leaks(void)
{
	fake_start(dir, 0);
	tracefs_instance_create("x");
	result(!leaves_nothing(fake_log()), "control", "an instance that remains is seen");
	tracefs_event_file_write(NULL, "s", "e", "filter", "cpu==2");
	tracefs_instance_destroy(NULL);
	result(!leaves_nothing(fake_log()), "control", "a filter that remains is seen");
	tracefs_event_file_write(NULL, "s", "e", "filter", "0");
	result(!leaves_nothing(fake_log()), "control", "a filter that is removed too late is seen");
	fake_start(dir, 0);
	tracefs_instance_create("x");
	tracefs_event_file_write(NULL, "s", "e", "filter", "cpu==2");
	tracefs_event_file_write(NULL, "s", "e", "filter", "0");
	tracefs_instance_destroy(NULL);
	result(leaves_nothing(fake_log()), "control", "a filter that is removed is not seen");
}

/* Start a tracer in a child, which ends by exit(), or by a signal. */
static void start_and_end(bool killed)
{
	char why[256];
	pid_t pid;

	fake_start(dir, 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		start(why, sizeof(why));
		if (killed)
			raise(SIGKILL);
		exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void test_exit(void)
{
	start_and_end(false);
	result(leaves_nothing(fake_log()), "instance", "exit() removes it");
	start_and_end(true);
	result(!leaves_nothing(fake_log()), "control", "SIGKILL leaves it");
}

static void keep_own(const struct event *event, void *arg)
{
	int *own = arg;

	*own = event->own;
}

static void test_own(void)
{
	static const struct {
		const char *name;
		int other, flags, own;
	} events[] = {
		{ "of this process", 0, 0, 1 },
		{ "of another process", 1, 0, 0 },
		{ "of an interrupt handler in this process", 0, TRACE_FLAG_HARDIRQ, 0 },
		{ "of a softirq in this process", 0, TRACE_FLAG_SOFTIRQ, 0 },
	};
	struct tracer *t;
	char why[256];
	size_t i;
	int own;

	fake_start(dir, 0);
	t = start(why, sizeof(why));
	for (i = 0; t && i < ARRAY_SIZE(events); i++) {
		own = -1;
		fake_event(getpid() + events[i].other, events[i].flags, 2);
		tracer_poll(t, true, keep_own, &own);
		result(own == events[i].own, events[i].own ? "own" : "not own", events[i].name);
	}
	own = -1;
	fake_event(getpid(), 0, 3);
	if (t)
		tracer_poll(t, true, keep_own, &own);
	result(t && own == -1, "dropped", "an event of a CPU that is not observed");
	tracer_stop(t);
}

static void test_lockdown(void)
{
	static const char * const levels[] = {
		"[none] integrity confidentiality", "none [integrity] confidentiality",
		"none integrity [confidentiality]",
	};
	static const char * const words[] = { "none", "integrity", LOCKDOWN_CONFIDENTIALITY };
	struct tracer *t;
	char why[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		put("sys/kernel/security/lockdown", levels[i]);
		result(!strcmp(kernel_lockdown(), words[i]), "lockdown", words[i]);
		fake_start(dir, 0);
		why[0] = 0;
		t = start(why, sizeof(why));
		result(i < 2 ? !!t : !t && strstr(why, "locked down (confidentiality)"),
		       i < 2 ? "traces" : "does not trace, and says why", words[i]);
		tracer_stop(t);
	}
}

int main(void)
{
	puts("KTAP version 1");
	make_dir();
	test_instance();
	test_leaks();
	test_exit();
	test_own();
	test_lockdown();
	remove_dir();
	test_lists();
	test_masks();
	test_long_list();
	test_sets();
	test_numbers();
	test_tally();
	test_rows();
	test_carrier();
	printf("1..%d\n", tests);
	return failed > 0;
}
