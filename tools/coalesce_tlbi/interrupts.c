// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "interrupts.h"

#define PROC_INTERRUPTS	"/proc/interrupts"

static void parse_header(const char *line, struct interrupts *irqs)
{
	const char *p = line;
	char *end;

	while ((p = strstr(p, "CPU"))) {
		irqs->cpu = need_memory(realloc(irqs->cpu, (irqs->n_cpus + 1) * sizeof(int)));
		irqs->cpu[irqs->n_cpus++] = strtol(p + 3, &end, 10);
		p = end;
	}
}

/* The counts after a row's name; false if there are fewer counts than CPUs. */
static bool parse_counts(char **p, unsigned long long *count, int n)
{
	char *end;
	int i;

	for (i = 0; i < n; i++) {
		*p += strspn(*p, " ");
		if (!isdigit((unsigned char)**p))
			return false;
		count[i] = strtoull(*p, &end, 10);
		*p = end;
	}
	return true;
}

/* Squeezes repeated blanks */
static void copy_words(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (from += strspn(from, " "); *from && *from != '\n' && n < size - 1; from++)
		if (*from != ' ' || (n && to[n - 1] != ' '))
			to[n++] = *from;
	to[n] = 0;
}

static void parse_row(char *line, struct interrupts *irqs)
{
	struct interrupt_row row = { .count = NULL };
	char *name = line + strspn(line, " "), *p = strchr(name, ':');

	if (!p)
		return;
	*p++ = 0;
	snprintf(row.name, sizeof(row.name), "%s", name);
	row.count = need_memory(calloc(irqs->n_cpus, sizeof(*row.count)));
	if (!parse_counts(&p, row.count, irqs->n_cpus)) {
		free(row.count);
		return;
	}
	copy_words(row.what, sizeof(row.what), p);
	/* With a single CPU, ERR and MIS differ from other rows only by this. */
	if (!row.what[0]) {
		free(row.count);
		return;
	}
	irqs->row = need_memory(realloc(irqs->row, (irqs->n_rows + 1) * sizeof(row)));
	irqs->row[irqs->n_rows++] = row;
}

void interrupts_read(struct interrupts *irqs)
{
	FILE *f = root_open(PROC_INTERRUPTS);
	char *line = NULL;
	size_t size = 0;

	memset(irqs, 0, sizeof(*irqs));
	if (!f)
		fail(TOOL_FILE, PROC_INTERRUPTS ": %s", strerror(errno));
	if (getline(&line, &size, f) > 0)
		parse_header(line, irqs);
	if (!irqs->n_cpus)
		fail(TOOL_FILE, PROC_INTERRUPTS ": no CPU in its first line");
	while (getline(&line, &size, f) > 0)
		parse_row(line, irqs);
	free(line);
	fclose(f);
}

void interrupts_free(struct interrupts *irqs)
{
	int i;

	for (i = 0; i < irqs->n_rows; i++)
		free(irqs->row[i].count);
	free(irqs->row);
	free(irqs->cpu);
	memset(irqs, 0, sizeof(*irqs));
}

static int column_of(const struct interrupts *irqs, int cpu)
{
	int i;

	for (i = 0; i < irqs->n_cpus; i++)
		if (irqs->cpu[i] == cpu)
			return i;
	return -1;
}

static const struct interrupt_row *row_of(const struct interrupts *irqs, const char *name)
{
	int i;

	for (i = 0; i < irqs->n_rows; i++)
		if (!strcmp(irqs->row[i].name, name))
			return &irqs->row[i];
	return NULL;
}

unsigned long long interrupts_of(const struct interrupts *irqs, const char *name, int cpu)
{
	const struct interrupt_row *row = row_of(irqs, name);
	int column = column_of(irqs, cpu);

	return row && column >= 0 ? row->count[column] : 0;
}

bool interrupts_has(const struct interrupts *irqs, const char *name)
{
	return row_of(irqs, name);
}

bool interrupts_counts_arrivals(const char *name)
{
	static const char * const others[] = { "TLB", "RTR", "MCP" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(name, others[i]))
			return false;
	return true;
}

unsigned long long interrupts_total(const struct interrupts *irqs, int cpu)
{
	int column = column_of(irqs, cpu), i;
	unsigned long long sum = 0;

	if (column < 0)
		return 0;
	for (i = 0; i < irqs->n_rows; i++)
		if (interrupts_counts_arrivals(irqs->row[i].name))
			sum += irqs->row[i].count[column];
	return sum;
}
