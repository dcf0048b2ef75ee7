/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often the verifier took each step, for each outcome of a step that decides, and
 * how often the target was interrupted right after it.  The counters belong to the
 * search, not to a state.  They are printed when it ends, one line each:
 *
 *	step LEVEL NAME COUNT CONDITION
 *	interrupted LEVEL NAME COUNT
 *	NMIS how deep they nest
 *
 * LEVEL is the level of the target, or "initiator".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS	4
#define INITIATOR	3
#define NAMES	256

static struct counted {
	const char *name, *condition;
	unsigned long done[LEVELS];
} counted[NAMES];

/* Names by the verifier's numbers */
static const char *name_of[NAMES];
static unsigned long interrupted[LEVELS][NAMES];
static int nmis;

static void print_coverage(void)
{
	static const char * const level[LEVELS] = { "0", "1", "2", "initiator" };

	printf("NMIS %d\n", nmis);
	for (int l = 0; l < LEVELS; l++)
		for (int i = 0; i < NAMES; i++)
			if (counted[i].done[l])
				printf("step %s %s %lu %s\n", level[l], counted[i].name,
				       counted[i].done[l], counted[i].condition);
	for (int l = 0; l < LEVELS; l++)
		for (int i = 0; i < NAMES; i++)
			if (interrupted[l][i])
				printf("interrupted %d %s %lu\n", l, name_of[i],
				       interrupted[l][i]);
}

static void count_step(int level, int number, const char *name, const char *condition)
{
	struct counted *c = counted;

	name_of[number] = name;
	while (c->name && (strcmp(c->name, name) || strcmp(c->condition, condition)))
		c++;
	c->name = name;
	c->condition = condition;
	c->done[level]++;
}
