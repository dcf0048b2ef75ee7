// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of the parsers and of the sums.  KTAP on standard output; status 1 if a
 * test fails.
 */
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "cpus.h"
#include "interrupts.h"
#include "tally.h"

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

int main(void)
{
	puts("KTAP version 1");
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
