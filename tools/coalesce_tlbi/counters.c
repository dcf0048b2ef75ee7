// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "counters.h"

static void add_row(struct counters *counters, const struct cpu_counters *row)
{
	counters->cpu = need_memory(realloc(counters->cpu,
					    (counters->n + 1) * sizeof(*counters->cpu)));
	counters->cpu[counters->n++] = *row;
}

void counters_read(struct counters *counters)
{
	FILE *f = root_open(COUNTERS_FILE);
	struct cpu_counters row;
	char line[128];

	memset(counters, 0, sizeof(*counters));
	if (!f) {
		snprintf(counters->error, sizeof(counters->error), "%s: %s%s", COUNTERS_FILE,
			 strerror(errno), errno == ENOENT ? "; is debugfs mounted?" : "");
		return;
	}
	if (!fgets(line, sizeof(line), f) || sscanf(line, "mode %15s", counters->mode) != 1)
		snprintf(counters->error, sizeof(counters->error), "%s: no mode in its first line",
			 COUNTERS_FILE);
	else
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "%d %lu %lu %lu", &row.cpu, &row.deferred,
				   &row.entry_flushes, &row.forced) == 4)
				add_row(counters, &row);
	fclose(f);
}

void counters_free(struct counters *counters)
{
	free(counters->cpu);
	memset(counters, 0, sizeof(*counters));
}

const struct cpu_counters *counters_of(const struct counters *counters, int cpu)
{
	int i;

	for (i = 0; i < counters->n; i++)
		if (counters->cpu[i].cpu == cpu)
			return &counters->cpu[i];
	return NULL;
}
