// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that no test may leave in the kernel log.  One list for every guest:
 * harness/guest/init.c reads it after each test, harness/packaging/check-log.c once in a boot.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static bool is_splat(const char *line)
{
	static const char * const signs[] = {
		"BUG:", "WARNING:", "Oops:", "INFO: task", "INFO: rcu", "rcu: INFO",
		"KASAN", "UBSAN:", "possible recursive locking", "circular locking",
		"general protection fault", "Kernel panic", "soft lockup", " [#",
		"Call Trace:", "unregister_netdevice: waiting",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signs); i++)
		if (strstr(line, signs[i]))
			return true;
	return false;
}

/*
 * The scheduler's own assertion about time: the tick that a housekeeping CPU does for
 * an isolated one came 3 seconds late.  A busy host does that to an emulated machine,
 * with or without the option, and the one trace that follows belongs to it.
 */
static bool is_late_tick(const char *text)
{
	static bool trace_follows;

	if (strstr(text, "WARNING:") && strstr(text, " at kernel/sched/core.c:") &&
	    strstr(text, " sched_tick_remote+")) {
		trace_follows = true;
		return true;
	}
	/* The trace's last line, should it have had no heading */
	if (strstr(text, "---[ end trace"))
		trace_follows = false;
	if (!trace_follows || !strstr(text, "Call Trace:"))
		return false;
	trace_follows = false;
	return true;
}

/*
 * The sequence number of a record: the second field before its text.  The log is
 * opened at the oldest record that is left, and older ones are not reported.
 */
static unsigned long sequence(const char *record)
{
	const char *comma = strchr(record, ',');

	return comma ? strtoul(comma + 1, NULL, 10) : 0;
}

/**
 * log_check - read the kernel log from where the last call stopped
 * @log: the log; opened at the first call
 * @out: each suspicious record goes there, in a line that begins with "#"
 * @oopses: is increased by the number of oopses
 *
 * Context: one thread.
 * Return: the number of suspicious records, -1 if the log cannot be read or records
 * were overwritten before they were read.  A late tick of a busy host is printed, but
 * not counted.
 */
int log_check(struct log *log, FILE *out, int *oopses)
{
	char record[8192], *text;
	int splats = 0;
	bool late;
	ssize_t n;

	if (log->fd < 0)
		log->fd = open(log->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0) {
		fprintf(out, "# %s: %s\n", log->path, strerror(errno));
		return -1;
	}
	for (;;) {
		n = read(log->fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EAGAIN)
			return splats;
		if (n < 0) {
			/* EPIPE: records were overwritten before we read them. */
			fprintf(out, "# kernel log: %s\n", strerror(errno));
			return -1;
		}
		record[n] = 0;
		if (!log->records++ && sequence(record)) {
			fprintf(out, "# kernel log: begins with record %lu\n", sequence(record));
			return -1;
		}
		text = strchr(record, ';');
		if (!text++)
			continue;
		late = is_late_tick(text);
		if (!late && !is_splat(text))
			continue;
		fprintf(out, "# %s%.*s\n", late ? "excused: " : "", (int)strcspn(text, "\n"), text);
		if (late)
			continue;
		splats++;
		/* Every oops has its number; not every kernel calls it one. */
		*oopses += !!strstr(text, " [#");
	}
}
