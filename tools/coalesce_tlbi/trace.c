// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <traceevent/event-parse.h>
#include <tracefs/tracefs.h>

#include "kernel.h"
#include "trace.h"

#define MAX_STACK	64
#define STACK_TEXT	4096
#define CARRIER		"generic_smp_call_function_single_interrupt"

/* An event as it was read.  Names are looked up later, for all events together. */
struct raw {
	enum event_kind kind;
	unsigned long long ns;
	unsigned long long callback;
	int target;
	int initiator;
	int pid;
	bool own;
	bool waits;		/* for its stack, the next event on its CPU */
	int depth;
	unsigned long long stack[MAX_STACK];
};

struct tracer {
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	struct tep_event *stack_event;
	struct cpus targets;
	bool stacks;
	int n;
	int room;
	struct raw *raw;
	unsigned long long lost;
};

/* The one that exit() has to stop */
static struct tracer *running;

static const struct source {
	const char *system, *event;
	enum event_kind kind;
	bool required;
} sources[] = {
	{ "csd", "csd_queue_cpu", EVENT_CALL, true },
	{ "ipi", "ipi_send_cpu", EVENT_IPI, true },
	{ "ipi", "ipi_send_cpumask", EVENT_IPI, true },
	{ "coalesce_tlbi", "coalesce_tlbi_defer", EVENT_DEFER, false },
};

bool event_is_carrier(const char *callback)
{
	return !strncmp(callback, CARRIER, strlen(CARRIER));
}

/* Whether this process sent it, not an interrupt handler that interrupted it */
static bool is_own(struct tracer *t, struct tep_record *record)
{
	return tep_data_pid(t->tep, record) == getpid() &&
	       !(tep_data_flags(t->tep, record) & (TRACE_FLAG_HARDIRQ | TRACE_FLAG_SOFTIRQ));
}

static struct raw *new_raw(struct tracer *t)
{
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 256;
		t->raw = need_memory(realloc(t->raw, t->room * sizeof(*t->raw)));
	}
	return &t->raw[t->n++];
}

static void add_raw(struct tracer *t, const struct source *source, struct tep_record *record,
		    int initiator, unsigned long long target, unsigned long long callback)
{
	struct raw *raw;

	if (target >= MAX_CPUS || !cpus_test(&t->targets, target))
		return;
	raw = new_raw(t);
	raw->kind = source->kind;
	raw->ns = record->ts;
	raw->callback = callback;
	raw->target = target;
	raw->initiator = initiator;
	raw->pid = tep_data_pid(t->tep, record);
	raw->own = is_own(t, record);
	raw->waits = t->stacks;
	raw->depth = 0;
}

static bool get_number(struct tep_event *event, const char *name, struct tep_record *record,
		       unsigned long long *value)
{
	struct tep_format_field *field = tep_find_field(event, name);

	return field && !tep_read_number_field(field, record->data, value);
}

/* Add one event for each CPU in the mask. */
static void add_mask(struct tracer *t, const struct source *source, struct tep_event *event,
		     struct tep_record *record, int initiator, unsigned long long callback)
{
	const unsigned char *mask;
	int length = 0, cpu;

	mask = tep_get_field_raw(NULL, event, "cpumask", record, &length, 0);
	if (!mask)
		return;
	/* Little-endian longs: bytes are in order. */
	for (cpu = 0; cpu < length * 8; cpu++)
		if (mask[cpu / 8] >> (cpu % 8) & 1)
			add_raw(t, source, record, initiator, cpu, callback);
}

static void add_event(struct tracer *t, const struct source *source, struct tep_event *event,
		      struct tep_record *record, int initiator)
{
	unsigned long long callback = 0, target;

	if (!get_number(event, "func", record, &callback) &&
	    !get_number(event, "callback", record, &callback))
		get_number(event, "caller", record, &callback);
	if (get_number(event, "cpu", record, &target))
		add_raw(t, source, record, initiator, target, callback);
	else
		add_mask(t, source, event, record, initiator, callback);
}

/*
 * Give @stack to the events of this initiator that wait for one.  If the next event on
 * the CPU is not a stack, the stack was lost: @depth is 0.
 */
static void end_wait(struct tracer *t, int initiator, const unsigned long long *stack, int depth)
{
	int i;

	for (i = t->n - 1; i >= 0; i--) {
		if (t->raw[i].initiator != initiator)
			continue;
		if (!t->raw[i].waits)
			break;
		t->raw[i].waits = false;
		t->raw[i].depth = depth;
		if (depth)
			memcpy(t->raw[i].stack, stack, depth * sizeof(stack[0]));
	}
}

static void add_stack(struct tracer *t, struct tep_event *event, struct tep_record *record,
		      int initiator)
{
	struct tep_format_field *field = tep_find_field(event, "caller");
	unsigned long long address[MAX_STACK];
	int depth = 0, offset;
	unsigned long value;

	if (!field)
		return;
	for (offset = field->offset; offset + (int)sizeof(value) <= record->size &&
	     depth < MAX_STACK; offset += sizeof(value)) {
		memcpy(&value, (char *)record->data + offset, sizeof(value));
		if (!value || value == ~0UL)
			break;
		address[depth++] = value;
	}
	end_wait(t, initiator, address, depth);
}

static int take(struct tep_event *event, struct tep_record *record, int cpu, void *arg)
{
	struct tracer *t = arg;
	size_t i;

	if (record->missed_events)
		t->lost += record->missed_events > 0 ? record->missed_events : 1;
	if (event == t->stack_event) {
		add_stack(t, event, record, cpu);
		return 0;
	}
	if (t->stacks)
		end_wait(t, cpu, NULL, 0);
	for (i = 0; i < ARRAY_SIZE(sources); i++)
		if (!strcmp(event->name, sources[i].event))
			add_event(t, &sources[i], event, record, cpu);
	return 0;
}

/*
 * Names of tasks, also of those that have ended.  tracefs_load_cmdlines() keeps the
 * first name of a task, which is its parent's if it was read before exec().
 */
static void learn_remembered(struct tracer *t)
{
	char *names = tracefs_instance_file_read(NULL, "saved_cmdlines", NULL);
	char *line, *save, *comm;
	long pid;

	for (line = names ? strtok_r(names, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		pid = strtol(line, &comm, 10);
		if (comm != line && *comm == ' ' && comm[1])
			tep_override_comm(t->tep, comm + 1, pid);
	}
	free(names);
}

/* The present name of a task, if it still exists */
static void learn_present(struct tracer *t, int pid)
{
	char path[64], comm[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (!f)
		return;
	if (fgets(comm, sizeof(comm), f)) {
		comm[strcspn(comm, "\n")] = 0;
		tep_override_comm(t->tep, comm, pid);
	}
	fclose(f);
}

static void learn_names(struct tracer *t, int n)
{
	int i;

	learn_remembered(t);
	for (i = 0; i < n; i++)
		if (t->raw[i].pid && (!i || t->raw[i].pid != t->raw[i - 1].pid))
			learn_present(t, t->raw[i].pid);
}

/* Name of the function at @address, with the offset into it if @offset is set */
static int name_function(struct tracer *t, unsigned long long address, bool offset, char *buf,
			 size_t size)
{
	const char *name = tep_find_function(t->tep, address);
	unsigned long long start = tep_find_function_address(t->tep, address);

	if (!name)
		return snprintf(buf, size, "0x%llx", address);
	if (offset && start != address)
		return snprintf(buf, size, "%s+0x%llx", name, address - start);
	return snprintf(buf, size, "%s", name);
}

/* Functions of the tracer are not part of the initiator's stack. */
static bool is_tracing(const char *name)
{
	return !strncmp(name, "trace_", 6) || !strncmp(name, "__traceiter_", 12);
}

static void name_stack(struct tracer *t, const struct raw *raw, char *buf, size_t size)
{
	size_t used = 0, length;
	char name[256];
	int i;

	buf[0] = 0;
	for (i = 0; i < raw->depth; i++) {
		/* A return address follows the call and may be in the next function. */
		name_function(t, raw->stack[i] - 1, false, name, sizeof(name));
		if (!used && is_tracing(name))
			continue;
		length = strlen(name);
		if (used + length + 2 > size)
			break;
		used += snprintf(buf + used, size - used, "%s%s", used ? ";" : "", name);
	}
}

static void name_callback(struct tracer *t, const struct raw *raw, char *buf, size_t size)
{
	if (raw->callback)
		/* The requester of a deferred IPI is given by a return address. */
		name_function(t, raw->callback - (raw->kind == EVENT_DEFER),
			      raw->kind != EVENT_DEFER, buf, size);
	else
		snprintf(buf, size, raw->kind == EVENT_IPI ? "reschedule" : "(none)");
}

static void give(struct tracer *t, const struct raw *raw, event_fn *fn, void *arg)
{
	char callback[256], stack[STACK_TEXT];
	struct event event = {
		.kind = raw->kind,
		.ns = raw->ns,
		.target = raw->target,
		.initiator = raw->initiator,
		.pid = raw->pid,
		.own = raw->own,
		.comm = raw->pid ? tep_data_comm_from_pid(t->tep, raw->pid) : "swapper",
		.callback = callback,
		.stack = stack,
	};

	name_callback(t, raw, callback, sizeof(callback));
	name_stack(t, raw, stack, sizeof(stack));
	fn(&event, arg);
}

unsigned long long tracer_poll(struct tracer *t, bool last, event_fn *fn, void *arg)
{
	int i, n;

	tracefs_iterate_raw_events(t->tep, t->instance, NULL, 0, take, t);
	for (n = 0; n < t->n && (last || !t->raw[n].waits); n++)
		;
	if (!n)
		return t->lost;
	learn_names(t, n);
	for (i = 0; i < n; i++)
		give(t, &t->raw[i], fn, arg);
	memmove(t->raw, t->raw + n, (t->n - n) * sizeof(*t->raw));
	t->n -= n;
	return t->lost;
}

void tracer_go(struct tracer *t)
{
	if (tracefs_trace_on(t->instance))
		fail(TOOL_KERNEL, "tracing_on: %s", strerror(errno));
}

void tracer_halt(struct tracer *t)
{
	tracefs_trace_off(t->instance);
}

static bool has_event(const struct source *source)
{
	return tracefs_event_file_exists(NULL, source->system, source->event, "enable");
}

static bool check_kernel(char *why, size_t size)
{
	const char *dir = tracefs_tracing_dir();
	char instances[4096];
	size_t i;

	if (!strcmp(kernel_lockdown(), LOCKDOWN_CONFIDENTIALITY)) {
		snprintf(why, size, "the kernel is locked down (%s) and refuses tracing",
			 LOCKDOWN_CONFIDENTIALITY);
		return false;
	}
	if (!dir) {
		snprintf(why, size, "%s", geteuid() ? "tracing needs root" :
			 "no tracefs: no CONFIG_TRACING, or it cannot be mounted");
		return false;
	}
	snprintf(instances, sizeof(instances), "%s/instances", dir);
	if (access(instances, W_OK | X_OK)) {
		snprintf(why, size, geteuid() || errno == EACCES || errno == EPERM ?
			 "tracing needs root" : "the mounted tracefs has no instances");
		return false;
	}
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!sources[i].required || has_event(&sources[i]))
			continue;
		snprintf(why, size, "this kernel has no trace event %s:%s (new in 6.5)",
			 sources[i].system, sources[i].event);
		return false;
	}
	return true;
}

static bool load_names(struct tracer *t)
{
	static const char * const systems[] = { "csd", "ipi", "coalesce_tlbi", "ftrace", NULL };
	char *symbols = NULL;
	size_t size = 0;
	FILE *f;

	t->tep = tracefs_local_events_system(NULL, systems);
	if (!t->tep)
		return false;
	t->stack_event = tep_find_event_by_name(t->tep, "ftrace", "kernel_stack");
	f = root_open("/proc/kallsyms");
	if (!f)
		return true;
	if (getdelim(&symbols, &size, 0, f) > 0)
		tep_parse_kallsyms(t->tep, symbols);
	free(symbols);
	fclose(f);
	return true;
}

/*
 * Events of other CPUs are dropped by add_raw(), not by a filter of the kernel.  The
 * kernel sends each CPU two IPIs when its last event filter is removed, and leaks a
 * reference of the buffer for filtered events if the instance is removed with a filter.
 */
static bool set_up(struct tracer *t, char *why, size_t size)
{
	char name[64];
	size_t i;

	snprintf(name, sizeof(name), "coalesce-tlbi-%d", getpid());
	t->instance = tracefs_instance_create(name);
	if (!t->instance) {
		snprintf(why, size, "a tracing instance: %s", strerror(errno));
		return false;
	}
	tracefs_trace_off(t->instance);
	if (tracefs_instance_file_write(t->instance, "trace_clock", "mono") < 0 ||
	    (t->stacks && tracefs_option_enable(t->instance, TRACEFS_OPTION_STACKTRACE))) {
		snprintf(why, size, "the tracing instance refuses the clock or stack traces");
		return false;
	}
	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!has_event(&sources[i]))
			continue;
		if (!tracefs_event_enable(t->instance, sources[i].system, sources[i].event))
			continue;
		snprintf(why, size, "the event %s:%s cannot be enabled: %s", sources[i].system,
			 sources[i].event, strerror(errno));
		return false;
	}
	return true;
}

static void stop_running(void)
{
	tracer_stop(running);
}

struct tracer *tracer_start(const struct cpus *targets, bool stacks, char *why, size_t size)
{
	struct tracer *t;

	tracefs_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	if (!check_kernel(why, size))
		return NULL;
	t = need_memory(calloc(1, sizeof(*t)));
	running = t;
	atexit(stop_running);
	t->targets = *targets;
	t->stacks = stacks;
	if (!load_names(t)) {
		snprintf(why, size, "the formats of the trace events cannot be read");
		tracer_stop(t);
		return NULL;
	}
	if (!set_up(t, why, size)) {
		tracer_stop(t);
		return NULL;
	}
	return t;
}

void tracer_stop(struct tracer *t)
{
	size_t i;

	if (!t)
		return;
	running = NULL;
	if (t->instance) {
		for (i = 0; i < ARRAY_SIZE(sources); i++)
			if (has_event(&sources[i]))
				tracefs_event_disable(t->instance, sources[i].system,
						      sources[i].event);
		tracefs_instance_destroy(t->instance);
		tracefs_instance_free(t->instance);
	}
	if (t->tep)
		tep_free(t->tep);
	free(t->raw);
	free(t);
}

void stay_off(const struct cpus *cpus)
{
	size_t size = CPU_ALLOC_SIZE(MAX_CPUS);
	cpu_set_t *set = CPU_ALLOC(MAX_CPUS);
	int cpu;

	if (!set || sched_getaffinity(0, size, set)) {
		CPU_FREE(set);
		return;
	}
	for_each_cpu_in(cpu, cpus)
		CPU_CLR_S(cpu, size, set);
	/* Fails, and changes nothing, if no CPU is left. */
	sched_setaffinity(0, size, set);
	CPU_FREE(set);
}
