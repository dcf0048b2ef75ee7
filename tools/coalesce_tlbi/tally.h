/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events added up by kind, callback, initiator's task and stack.
 */
#ifndef COALESCE_TLBI_TALLY_H
#define COALESCE_TLBI_TALLY_H

#include "cpus.h"
#include "trace.h"

#define TALLY_BUCKETS	4096

/**
 * struct initiator - events of one kind
 * @kind: what happened
 * @comm: the task's name
 * @callback: the function, or who asked
 * @stack: as of struct event
 * @pid: the task; -1 for several of that name
 * @count: number of events
 * @targets: about which CPUs
 * @next: in its bucket
 */
struct initiator {
	enum event_kind kind;
	char *comm;
	char *callback;
	char *stack;
	int pid;
	unsigned long long count;
	struct cpus targets;
	struct initiator *next;
};

/**
 * struct tally - all of them
 * @bucket: by hash
 * @n: number of initiators
 */
struct tally {
	struct initiator *bucket[TALLY_BUCKETS];
	int n;
};

/**
 * tally_add() - Add an event
 * @tally: begins as zeroes
 * @event: the event
 */
void tally_add(struct tally *tally, const struct event *event);

/**
 * tally_sorted() - The initiators, the most frequent first
 * @tally: what was added
 *
 * Return: array of tally->n pointers, to be freed.
 */
struct initiator **tally_sorted(const struct tally *tally);

/**
 * tally_clear() - Forget all
 * @tally: empty afterwards
 */
void tally_clear(struct tally *tally);

/**
 * kind_name() - What a kind is called in output
 * @kind: the kind
 *
 * Return: "call", "ipi" or "not sent".
 */
const char *kind_name(enum event_kind kind);

/**
 * task_name() - An initiator's task as text
 * @initiator: the initiator
 * @buf: filled with name and number, where that is one
 * @size: of @buf
 *
 * Return: @buf.
 */
const char *task_name(const struct initiator *initiator, char *buf, size_t size);

#endif
