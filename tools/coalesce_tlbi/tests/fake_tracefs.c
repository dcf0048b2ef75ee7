// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <traceevent/event-parse.h>
#include <tracefs/tracefs.h>

#include "fake_tracefs.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define LOG_TEXT	4096
#define EVENT_ID	7

static const char format[] =
	"name: ipi_send_cpu\n"
	"ID: 7\n"
	"format:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
	"\n"
	"\tfield:unsigned int cpu;\toffset:8;\tsize:4;\tsigned:0;\n"
	"\tfield:void * callback;\toffset:16;\tsize:8;\tsigned:0;\n"
	"\n"
	"print fmt: \"cpu=%u\", REC->cpu\n";

static struct {
	unsigned short type;
	unsigned char flags, preempt_count;
	int pid;
	unsigned int cpu;
	unsigned long long callback;
} next;

static const char *tracing_dir;
static char *log_text;
static int steps, failing;

void fake_start(const char *dir, int step)
{
	if (!log_text)
		log_text = mmap(NULL, LOG_TEXT, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	log_text[0] = 0;
	tracing_dir = dir;
	steps = 0;
	failing = step;
}

const char *fake_log(void)
{
	return log_text;
}

void fake_event(int pid, int flags, int cpu)
{
	next.type = EVENT_ID;
	next.flags = flags;
	next.pid = pid;
	next.cpu = cpu;
}

static void add_line(const char *file, const char *value)
{
	size_t used = strlen(log_text);

	snprintf(log_text + used, LOG_TEXT - used, "%s %s\n", file, value);
}

/* Log one step; returns -1 instead if it is the one to fail. */
static int step(const char *file, const char *value)
{
	if (++steps == failing) {
		errno = EIO;
		return -1;
	}
	add_line(file, value);
	return 0;
}

struct tracefs_instance *tracefs_instance_create(const char *name)
{
	static char instance;

	return step("create", "-") ? NULL : (struct tracefs_instance *)&instance;
}

int tracefs_instance_destroy(struct tracefs_instance *instance)
{
	add_line("destroy", "-");
	return 0;
}

void tracefs_instance_free(struct tracefs_instance *instance)
{
}

int tracefs_event_enable(struct tracefs_instance *instance, const char *system,
			 const char *event)
{
	return step("enable", "1");
}

int tracefs_event_disable(struct tracefs_instance *instance, const char *system,
			  const char *event)
{
	return step("enable", "0");
}

int tracefs_event_file_write(struct tracefs_instance *instance, const char *system,
			     const char *event, const char *file, const char *text)
{
	return step(file, text);
}

bool tracefs_event_file_exists(struct tracefs_instance *instance, const char *system,
			       const char *event, const char *file)
{
	return true;
}

int tracefs_instance_file_write(struct tracefs_instance *instance, const char *file,
				const char *text)
{
	return step(file, text);
}

char *tracefs_instance_file_read(struct tracefs_instance *instance, const char *file, int *size)
{
	return NULL;
}

int tracefs_option_enable(struct tracefs_instance *instance, enum tracefs_option_id id)
{
	return step("option", "1");
}

int tracefs_trace_on(struct tracefs_instance *instance)
{
	return step("tracing_on", "1");
}

int tracefs_trace_off(struct tracefs_instance *instance)
{
	return step("tracing_on", "0");
}

const char *tracefs_tracing_dir(void)
{
	return tracing_dir;
}

void tracefs_set_loglevel(enum tep_loglevel level)
{
}

struct tep_handle *tracefs_local_events_system(const char *dir, const char * const *systems)
{
	struct tep_handle *tep = tep_alloc();

	if (tep)
		tep_parse_event(tep, format, sizeof(format) - 1, "ipi");
	return tep;
}

int tracefs_iterate_raw_events(struct tep_handle *tep, struct tracefs_instance *instance,
			       cpu_set_t *cpus, int n_cpus,
			       int (*callback)(struct tep_event *, struct tep_record *, int,
					       void *),
			       void *arg)
{
	struct tep_record record = { .data = &next, .size = sizeof(next) };

	if (next.type)
		callback(tep_find_event(tep, EVENT_ID), &record, 0, arg);
	next.type = 0;
	return 0;
}
