// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpus.h"

bool cpus_test(const struct cpus *set, int cpu)
{
	return cpu >= 0 && cpu < MAX_CPUS &&
	       set->bits[cpu / CPUS_WORD_BITS] >> (cpu % CPUS_WORD_BITS) & 1;
}

void cpus_set(struct cpus *set, int cpu)
{
	set->bits[cpu / CPUS_WORD_BITS] |= 1ULL << (cpu % CPUS_WORD_BITS);
}

int cpus_next(const struct cpus *set, int cpu)
{
	for (cpu++; cpu < MAX_CPUS; cpu++)
		if (cpus_test(set, cpu))
			return cpu;
	return -1;
}

bool cpus_empty(const struct cpus *set)
{
	return cpus_next(set, -1) < 0;
}

int cpus_count(const struct cpus *set)
{
	int cpu, n = 0;

	for_each_cpu_in(cpu, set)
		n++;
	return n;
}

void cpus_or(struct cpus *to, const struct cpus *with)
{
	size_t i;

	for (i = 0; i < MAX_CPUS / CPUS_WORD_BITS; i++)
		to->bits[i] |= with->bits[i];
}

void cpus_and(struct cpus *to, const struct cpus *with)
{
	size_t i;

	for (i = 0; i < MAX_CPUS / CPUS_WORD_BITS; i++)
		to->bits[i] &= with->bits[i];
}

void cpus_andnot(struct cpus *to, const struct cpus *with)
{
	size_t i;

	for (i = 0; i < MAX_CPUS / CPUS_WORD_BITS; i++)
		to->bits[i] &= ~with->bits[i];
}

/* Parse a CPU number at *@text and advance *@text; -1 if there is none. */
static int parse_cpu(const char **text)
{
	unsigned long cpu;
	char *end;

	if (!isdigit((unsigned char)**text))
		return -1;
	cpu = strtoul(*text, &end, 10);
	*text = end;
	return cpu < MAX_CPUS ? (int)cpu : -1;
}

static bool parse_range(const char **text, struct cpus *set)
{
	int first = parse_cpu(text), last = first;

	if (**text == '-') {
		(*text)++;
		last = parse_cpu(text);
	}
	if (first < 0 || last < first)
		return false;
	for (; first <= last; first++)
		cpus_set(set, first);
	return true;
}

bool cpus_parse(const char *list, struct cpus *set)
{
	memset(set, 0, sizeof(*set));
	if (!*list || !strcmp(list, "(null)"))
		return true;
	while (parse_range(&list, set)) {
		if (!*list)
			return true;
		if (*list++ != ',')
			break;
	}
	memset(set, 0, sizeof(*set));
	return false;
}

bool cpus_parse_mask(const char *mask, struct cpus *set)
{
	const char *end = mask + strlen(mask);
	int bit = 0, i, digit;

	memset(set, 0, sizeof(*set));
	while (end > mask) {
		end--;
		if (*end == ',')
			continue;
		if (!isxdigit((unsigned char)*end)) {
			memset(set, 0, sizeof(*set));
			return false;
		}
		digit = isdigit((unsigned char)*end) ? *end - '0' : (*end | 0x20) - 'a' + 10;
		for (i = 0; i < 4; i++, bit++) {
			if (!(digit >> i & 1))
				continue;
			if (bit >= MAX_CPUS)
				return false;
			cpus_set(set, bit);
		}
	}
	return bit > 0;
}

const char *cpus_format(const struct cpus *set, char *buf, size_t size)
{
	int first = cpus_next(set, -1), last;
	size_t used = 0;
	char range[32];

	buf[0] = 0;
	while (first >= 0) {
		for (last = first; cpus_test(set, last + 1); last++)
			;
		if (first == last)
			snprintf(range, sizeof(range), "%s%d", used ? "," : "", first);
		else
			snprintf(range, sizeof(range), "%s%d-%d", used ? "," : "", first, last);
		if (used + strlen(range) + sizeof(",...") > size) {
			snprintf(buf + used, size - used, ",...");
			break;
		}
		used += snprintf(buf + used, size - used, "%s", range);
		first = cpus_next(set, last);
	}
	return buf;
}
