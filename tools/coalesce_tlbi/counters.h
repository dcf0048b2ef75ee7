/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's counters of coalesce_tlbi, in debugfs.
 */
#ifndef COALESCE_TLBI_COUNTERS_H
#define COALESCE_TLBI_COUNTERS_H

#define COUNTERS_FILE	"/sys/kernel/debug/x86/coalesce_tlbi"

/**
 * struct cpu_counters - counters of one CPU since boot
 * @cpu: the CPU
 * @deferred: IPIs to it that were deferred
 * @entry_flushes: flushes that it did at kernel entry
 * @forced: flush IPIs that were sent to it because a pending flush could not wait
 */
struct cpu_counters {
	int cpu;
	unsigned long deferred;
	unsigned long entry_flushes;
	unsigned long forced;
};

/**
 * struct counters - the file at one moment
 * @mode: "always", "pending" or "off"; "" if the file cannot be read
 * @error: why it cannot be read, "" if it can
 * @n: number of CPUs that have counters: online CPUs that defer
 * @cpu: their counters
 */
struct counters {
	char mode[16];
	char error[128];
	int n;
	struct cpu_counters *cpu;
};

/**
 * counters_read() - Read the file
 * @counters: filled; to be freed by counters_free()
 */
void counters_read(struct counters *counters);
void counters_free(struct counters *counters);

/**
 * counters_of() - The counters of a CPU
 * @counters: what was read
 * @cpu: the CPU
 *
 * Return: NULL if the file cannot be read, or the CPU does not defer.
 */
const struct cpu_counters *counters_of(const struct counters *counters, int cpu);

#endif
