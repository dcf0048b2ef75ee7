// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "tally.h"

static unsigned int hash_text(unsigned int hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619;
	return hash;
}

static struct initiator **bucket_of(struct tally *tally, const struct event *event)
{
	unsigned int hash = 2166136261U + event->kind;

	hash = hash_text(hash, event->comm);
	hash = hash_text(hash, event->callback);
	hash = hash_text(hash, event->stack);
	return &tally->bucket[hash % TALLY_BUCKETS];
}

static bool is_same(const struct initiator *s, const struct event *event)
{
	return s->kind == event->kind && s->own == event->own && !strcmp(s->comm, event->comm) &&
	       !strcmp(s->callback, event->callback) && !strcmp(s->stack, event->stack);
}

void tally_add(struct tally *tally, const struct event *event)
{
	struct initiator **bucket = bucket_of(tally, event), *s = *bucket;

	while (s && !is_same(s, event))
		s = s->next;
	if (!s) {
		s = need_memory(calloc(1, sizeof(*s)));
		s->kind = event->kind;
		s->comm = need_memory(strdup(event->comm));
		s->callback = need_memory(strdup(event->callback));
		s->stack = need_memory(strdup(event->stack));
		s->pid = event->pid;
		s->own = event->own;
		s->next = *bucket;
		*bucket = s;
		tally->n++;
	}
	if (s->pid != event->pid)
		s->pid = -1;
	s->count++;
	cpus_set(&s->targets, event->target);
}

/* Equal counts are sorted by name, so that the same events give the same output. */
static int compare(const void *left, const void *right)
{
	const struct initiator *a = *(struct initiator * const *)left;
	const struct initiator *b = *(struct initiator * const *)right;
	int order;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	order = strcmp(a->callback, b->callback);
	if (!order)
		order = strcmp(a->comm, b->comm);
	return order ? order : strcmp(a->stack, b->stack);
}

struct initiator **tally_sorted(const struct tally *tally)
{
	struct initiator **list = need_memory(calloc(tally->n + 1, sizeof(*list))), *s;
	int i, n = 0;

	for (i = 0; i < TALLY_BUCKETS; i++)
		for (s = tally->bucket[i]; s; s = s->next)
			list[n++] = s;
	qsort(list, n, sizeof(*list), compare);
	return list;
}

void tally_clear(struct tally *tally)
{
	struct initiator *s, *next;
	int i;

	for (i = 0; i < TALLY_BUCKETS; i++) {
		for (s = tally->bucket[i]; s; s = next) {
			next = s->next;
			free(s->comm);
			free(s->callback);
			free(s->stack);
			free(s);
		}
		tally->bucket[i] = NULL;
	}
	tally->n = 0;
}

const char *kind_name(enum event_kind kind)
{
	static const char * const names[] = {
		[EVENT_CALL]	= "call",
		[EVENT_IPI]	= "ipi",
		[EVENT_DEFER]	= "deferred",
	};

	return names[kind];
}

const char *task_name(const struct initiator *initiator, char *buf, size_t size)
{
	if (initiator->pid < 0)
		snprintf(buf, size, "%s (several)", initiator->comm);
	else
		snprintf(buf, size, "%s:%d%s", initiator->comm, initiator->pid,
			 initiator->own ? " (own)" : "");
	return buf;
}
