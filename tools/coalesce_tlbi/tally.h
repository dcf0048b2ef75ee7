/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events, added up by kind, callback, and the initiator's task and stack.
 */
#ifndef COALESCE_TLBI_TALLY_H
#define COALESCE_TLBI_TALLY_H

#include "cpus.h"
#include "trace.h"

#define TALLY_BUCKETS	4096

/**
 * struct initiator - equal events
 * @kind: what happened
 * @comm: the task's name
 * @callback: the function that is called; of a deferred IPI, the requester
 * @stack: see struct event
 * @pid: the task; -1 for several tasks of that name
 * @own: the task is coalesce-tlbi itself
 * @count: number of events
 * @targets: CPUs that the events target
 * @next: next in the bucket
 */
struct initiator {
	enum event_kind kind;
	char *comm;
	char *callback;
	char *stack;
	int pid;
	bool own;
	unsigned long long count;
	struct cpus targets;
	struct initiator *next;
};

/**
 * struct tally - all initiators
 * @bucket: by hash
 * @n: number of initiators
 */
struct tally {
	struct initiator *bucket[TALLY_BUCKETS];
	int n;
};

/**
 * tally_add() - Add an event
 * @tally: to be zeroed before the first use
 * @event: the event
 */
void tally_add(struct tally *tally, const struct event *event);

/**
 * tally_sorted() - Sort the initiators, the most frequent first
 * @tally: what was added
 *
 * Return: array of tally->n pointers, to be freed.
 */
struct initiator **tally_sorted(const struct tally *tally);

/**
 * tally_clear() - Remove all events
 * @tally: empty afterwards
 */
void tally_clear(struct tally *tally);

/**
 * kind_name() - Name an event kind for output
 * @kind: the kind
 *
 * Return: "call", "ipi" or "deferred".
 */
const char *kind_name(enum event_kind kind);

/**
 * task_name() - Name an initiator's task for output
 * @initiator: the initiator
 * @buf: filled with its name and PID or "(several)", and whether it is this tool
 * @size: size of @buf
 *
 * Return: @buf.
 */
const char *task_name(const struct initiator *initiator, char *buf, size_t size);

#endif
