// SPDX-License-Identifier: GPL-2.0
/*
 * coalesce-tlbi report: summarise a recording.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "cpus.h"
#include "interrupts.h"
#include "json.h"
#include "options.h"
#include "record.h"
#include "tally.h"

#define MAX_FIELDS	8
#define INDENT		"              "

/*
 * What one CPU received, by rows of /proc/interrupts and by events.  Events of
 * coalesce-tlbi itself are only in own_events.
 */
struct cpu_report {
	int cpu;
	unsigned long long interrupts;
	unsigned long long calls;
	unsigned long long call_ipis;
	unsigned long long deferred;
	unsigned long long own_events;
	/* While the events were enabled and disabled; -1 if unknown */
	long long setup_calls;
	long long setup_deferred;
	int n_rows;
	struct row {
		char name[16];
		char what[80];
		unsigned long long n;
	} *row;
};

struct report {
	const char *path;
	int line;
	char kernel[80];
	char mode[16];
	char command[512];
	struct cpus recorded;
	struct cpus shown;
	bool stacks;
	int n_cpus;
	struct cpu_report *cpu;
	struct tally tally;
	unsigned long long lost;
	unsigned long long ns;
	int status;
	bool complete;
};

static void bad_line(const struct report *r, const char *what)
{
	fail(TOOL_FILE, "%s:%d: %s", r->path, r->line, what);
}

static unsigned long long parse_number(const struct report *r, const char *text)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-')
		bad_line(r, "not a number");
	return n;
}

static int cpu_number(const struct report *r, const char *text)
{
	unsigned long long n = parse_number(r, text);

	if (n >= MAX_CPUS)
		bad_line(r, "not a CPU");
	return n;
}

/* NULL for a CPU that is not shown */
static struct cpu_report *cpu_of(struct report *r, int cpu)
{
	int i;

	for (i = 0; i < r->n_cpus; i++)
		if (r->cpu[i].cpu == cpu)
			return &r->cpu[i];
	if (!cpus_test(&r->shown, cpu))
		return NULL;
	r->cpu = need_memory(realloc(r->cpu, (r->n_cpus + 1) * sizeof(*r->cpu)));
	memset(&r->cpu[r->n_cpus], 0, sizeof(*r->cpu));
	r->cpu[r->n_cpus].cpu = cpu;
	r->cpu[r->n_cpus].setup_calls = -1;
	r->cpu[r->n_cpus].setup_deferred = -1;
	return &r->cpu[r->n_cpus++];
}

static void take_event(struct report *r, enum event_kind kind, bool own, char **field)
{
	struct event event = {
		.kind = kind,
		.ns = parse_number(r, field[1]),
		.target = cpu_number(r, field[2]),
		.initiator = cpu_number(r, field[3]),
		.pid = parse_number(r, field[4]),
		.own = own,
		.comm = field[5],
		.callback = field[6],
		.stack = r->stacks ? field[7] : "",
	};
	struct cpu_report *cpu = cpu_of(r, event.target);

	if (!cpu)
		return;
	cpu->calls += kind == EVENT_CALL && !own;
	cpu->deferred += kind == EVENT_DEFER && !own;
	if (kind == EVENT_IPI && event_is_carrier(event.callback)) {
		cpu->call_ipis += !own;
		return;
	}
	cpu->own_events += own;
	tally_add(&r->tally, &event);
}

static void take_row(struct report *r, char **field)
{
	struct cpu_report *cpu = cpu_of(r, cpu_number(r, field[1]));
	struct row *row;

	if (!cpu)
		return;
	cpu->row = need_memory(realloc(cpu->row, (cpu->n_rows + 1) * sizeof(*row)));
	row = &cpu->row[cpu->n_rows++];
	snprintf(row->name, sizeof(row->name), "%s", field[2]);
	row->n = parse_number(r, field[3]);
	snprintf(row->what, sizeof(row->what), "%s", field[4]);
	if (interrupts_counts_arrivals(row->name))
		cpu->interrupts += row->n;
}

static void take_setup(struct report *r, char **field)
{
	struct cpu_report *cpu = cpu_of(r, cpu_number(r, field[1]));

	if (!cpu)
		return;
	cpu->setup_calls = parse_number(r, field[2]);
	if (strcmp(field[3], "-"))
		cpu->setup_deferred = parse_number(r, field[3]);
}

static void take_cpus(struct report *r, const char *list)
{
	struct cpus other = r->shown;
	char text[CPUS_TEXT];
	int cpu;

	if (!cpus_parse(list, &r->recorded))
		bad_line(r, "not a CPU list");
	if (cpus_empty(&r->shown))
		r->shown = r->recorded;
	cpus_andnot(&other, &r->recorded);
	if (!cpus_empty(&other))
		fail(TOOL_USAGE, "not recorded: CPU %s", cpus_format(&other, text, sizeof(text)));
	/* Also list CPUs that have no events. */
	for_each_cpu_in(cpu, &r->shown)
		cpu_of(r, cpu);
}

static void take_command(struct report *r, char **field, int n)
{
	size_t used = 0;
	int i;

	for (i = 1; i < n && used < sizeof(r->command); i++)
		used += snprintf(r->command + used, sizeof(r->command) - used, "%s%s",
				 i > 1 ? " " : "", field[i]);
}

static void take_end(struct report *r, char **field)
{
	r->ns = parse_number(r, field[1]);
	r->status = parse_number(r, field[2]);
	r->complete = true;
}

static int split(char *line, char **field, int max)
{
	int n = 0;

	while (line && n < max)
		field[n++] = strsep(&line, "\t");
	return line ? max + 1 : n;
}

static void take_line(struct report *r, char *line)
{
	static const struct {
		const char *word;
		int fields;
	} known[] = {
		/* In the order of enum event_kind */
		{ RECORD_CALL, 8 }, { RECORD_IPI, 8 }, { RECORD_DEFER, 8 },
		{ RECORD_OWN RECORD_CALL, 8 }, { RECORD_OWN RECORD_IPI, 8 },
		{ RECORD_OWN RECORD_DEFER, 8 },
		{ "kernel", 2 }, { "mode", 2 }, { "cpus", 2 }, { "row", 5 },
		{ RECORD_SETUP, 4 }, { "lost", 2 }, { "end", 3 },
	};
	char *field[MAX_FIELDS], *words[64];
	size_t i;
	int n;

	if (!strncmp(line, "command\t", 8)) {
		n = split(line, words, ARRAY_SIZE(words));
		take_command(r, words, n > (int)ARRAY_SIZE(words) ? (int)ARRAY_SIZE(words) : n);
		return;
	}
	n = split(line, field, MAX_FIELDS);
	for (i = 0; i < ARRAY_SIZE(known) && strcmp(field[0], known[i].word); i++)
		;
	if (i == ARRAY_SIZE(known))
		bad_line(r, "unknown word");
	if (n != known[i].fields)
		bad_line(r, "wrong number of fields");
	if (i < 6)
		take_event(r, (enum event_kind)(i % 3), i >= 3, field);
	else if (!strcmp(field[0], "kernel"))
		snprintf(r->kernel, sizeof(r->kernel), "%s", field[1]);
	else if (!strcmp(field[0], "mode"))
		snprintf(r->mode, sizeof(r->mode), "%s", field[1]);
	else if (!strcmp(field[0], "cpus"))
		take_cpus(r, field[1]);
	else if (!strcmp(field[0], "row"))
		take_row(r, field);
	else if (!strcmp(field[0], RECORD_SETUP))
		take_setup(r, field);
	else if (!strcmp(field[0], "lost"))
		r->lost = parse_number(r, field[1]);
	else
		take_end(r, field);
}

static void read_file(struct report *r)
{
	FILE *f = fopen(r->path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (!f)
		fail(TOOL_FILE, "%s: %s", r->path, strerror(errno));
	while ((length = getline(&line, &size, f)) > 0) {
		r->line++;
		if (line[length - 1] != '\n')
			break;	/* truncated; the end line is missing too */
		line[length - 1] = 0;
		if (r->line == 1 && strcmp(line, RECORD_MAGIC))
			fail(TOOL_FILE, "%s: not a recording of coalesce-tlbi", r->path);
		if (r->line > 1)
			take_line(r, line);
	}
	if (!r->line)
		fail(TOOL_FILE, "%s: not a recording of coalesce-tlbi", r->path);
	free(line);
	fclose(f);
}

/* IPIs of coalesce-tlbi itself; an older recording does not have those of its set-up. */
static void print_own(const struct cpu_report *cpu)
{
	if (cpu->setup_calls >= 0)
		printf("       own, before and after the command: at most CAL %lld",
		       cpu->setup_calls);
	if (cpu->setup_deferred >= 0)
		printf(", %lld IPIs deferred", cpu->setup_deferred);
	if (cpu->setup_calls >= 0)
		putchar('\n');
	if (cpu->own_events)
		printf("       own, while it ran: %llu events\n", cpu->own_events);
}

static void print_cpu(const struct cpu_report *cpu)
{
	const char *sep = " (";
	int i;

	printf("CPU %d: %llu interrupts", cpu->cpu, cpu->interrupts);
	for (i = 0; i < cpu->n_rows; i++) {
		if (!interrupts_counts_arrivals(cpu->row[i].name))
			continue;
		printf("%s%s %llu", sep, cpu->row[i].name, cpu->row[i].n);
		sep = ", ";
	}
	printf("%s; %llu calls queued, %llu IPIs sent for them; %llu IPIs deferred\n",
	       cpu->interrupts ? ")" : "", cpu->calls, cpu->call_ipis, cpu->deferred);
	print_own(cpu);
}

static void print_stack(const char *stack)
{
	size_t length;

	for (; *stack; stack += length + (stack[length] == ';')) {
		length = strcspn(stack, ";");
		printf(INDENT "    %.*s\n", (int)length, stack);
	}
}

static void print_initiator(const struct initiator *s)
{
	char list[CPUS_TEXT], task[128];

	printf("%10llu  %-8s  %-32s  %-24s  CPU %s\n", s->count, kind_name(s->kind), s->callback,
	       task_name(s, task, sizeof(task)), cpus_format(&s->targets, list, sizeof(list)));
	print_stack(s->stack);
}

static void print_report(const struct report *r)
{
	struct initiator **sorted = tally_sorted(&r->tally);
	int i;

	printf("kernel %s, mode %s: %s\n", r->kernel, r->mode, r->command);
	if (r->complete)
		printf("ran %llu.%03llu s, status %d\n", r->ns / 1000000000,
		       r->ns / 1000000 % 1000, r->status);
	putchar('\n');
	for (i = 0; i < r->n_cpus; i++)
		print_cpu(&r->cpu[i]);
	if (r->tally.n)
		printf("\n%10s  %-8s  %-32s  %-24s  %s\n", "count", "kind", "function", "task",
		       "target");
	for (i = 0; i < r->tally.n; i++)
		print_initiator(sorted[i]);
	if (r->lost)
		printf("\n%llu events or more were lost\n", r->lost);
	free(sorted);
}

static void json_unless_negative(const char *name, long long n)
{
	if (n < 0)
		json_null(name);
	else
		json_number(name, n);
}

static void json_cpu(const struct cpu_report *cpu)
{
	int i;

	json_object(NULL);
	json_number("cpu", cpu->cpu);
	json_number("interrupts", cpu->interrupts);
	json_object("rows");
	for (i = 0; i < cpu->n_rows; i++)
		json_number(cpu->row[i].name, cpu->row[i].n);
	json_end();
	json_number("calls", cpu->calls);
	json_number("call_ipis", cpu->call_ipis);
	json_number("deferred", cpu->deferred);
	json_object("own");
	json_unless_negative("setup_calls", cpu->setup_calls);
	json_unless_negative("setup_deferred", cpu->setup_deferred);
	json_number("events", cpu->own_events);
	json_end();
	json_end();
}

static void json_initiator(const struct initiator *s)
{
	char list[CPUS_TEXT], name[256];
	const char *stack = s->stack;
	size_t length;

	json_object(NULL);
	json_number("count", s->count);
	json_text("kind", kind_name(s->kind));
	json_text("function", s->callback);
	json_text("task", s->comm);
	json_unless_negative("pid", s->pid);
	json_bool("own", s->own);
	json_text("cpus", cpus_format(&s->targets, list, sizeof(list)));
	json_array("stack");
	for (; *stack; stack += length + (stack[length] == ';')) {
		length = strcspn(stack, ";");
		snprintf(name, sizeof(name), "%.*s", (int)length, stack);
		json_text(NULL, name);
	}
	json_end();
	json_end();
}

static void json_report(const struct report *r)
{
	struct initiator **sorted = tally_sorted(&r->tally);
	int i;

	json_object(NULL);
	json_text("kernel", r->kernel);
	json_text("mode", r->mode);
	json_text("command", r->command);
	json_bool("complete", r->complete);
	json_seconds("seconds", r->ns);
	json_number("status", r->status);
	json_number("lost", r->lost);
	json_array("cpus");
	for (i = 0; i < r->n_cpus; i++)
		json_cpu(&r->cpu[i]);
	json_end();
	json_array("initiators");
	for (i = 0; i < r->tally.n; i++)
		json_initiator(sorted[i]);
	json_end();
	json_end();
	free(sorted);
}

static void free_report(struct report *r)
{
	int i;

	for (i = 0; i < r->n_cpus; i++)
		free(r->cpu[i].row);
	free(r->cpu);
	tally_clear(&r->tally);
}

int report_main(int argc, char **argv)
{
	static const char usage[] = "report [-C CPUS] [-S] [-j] [FILE]";
	struct options o = { };
	static struct report r;
	int first = options_parse(&o, "C:Sj", usage, argc, argv);

	if (first < argc)
		options_no_more(argv + first + 1);
	r.shown = o.cpus;
	r.path = first < argc ? argv[first] : RECORD_FILE;
	r.stacks = !o.no_stacks;
	read_file(&r);
	if (o.json)
		json_report(&r);
	else
		print_report(&r);
	if (!r.complete)
		warn("%s: the recording is truncated", r.path);
	free_report(&r);
	return r.complete ? TOOL_OK : TOOL_FILE;
}
