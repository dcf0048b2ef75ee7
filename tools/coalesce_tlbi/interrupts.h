/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counts of /proc/interrupts.
 */
#ifndef COALESCE_TLBI_INTERRUPTS_H
#define COALESCE_TLBI_INTERRUPTS_H

#include <stdbool.h>

#include "cpus.h"

/**
 * struct interrupt_row - a row with a count for each CPU
 * @name: like "CAL", or the number of a device's interrupt
 * @what: the kernel's description of it
 * @count: one for each column
 */
struct interrupt_row {
	char name[16];
	char what[80];
	unsigned long long *count;
};

/**
 * struct interrupts - /proc/interrupts at one moment
 * @n_cpus: number of columns; only online CPUs have one
 * @cpu: the CPU of each column
 * @n_rows: number of rows
 * @row: the rows, without those that do not count by CPU (ERR, MIS)
 */
struct interrupts {
	int n_cpus;
	int *cpu;
	int n_rows;
	struct interrupt_row *row;
};

/**
 * interrupts_read() - Read /proc/interrupts
 * @irqs: filled; to be freed by interrupts_free()
 *
 * Ends the program with TOOL_FILE if it cannot be read or has no CPU.
 */
void interrupts_read(struct interrupts *irqs);
void interrupts_free(struct interrupts *irqs);

/**
 * interrupts_of() - Get the count of a row on a CPU
 * @irqs: what was read
 * @name: name of the row
 * @cpu: the CPU
 *
 * Return: the count, 0 without such a row or column.
 */
unsigned long long interrupts_of(const struct interrupts *irqs, const char *name, int cpu);

/**
 * interrupts_has() - Check whether there is a row
 * @irqs: what was read
 * @name: name of the row
 *
 * Return: true if there is.
 */
bool interrupts_has(const struct interrupts *irqs, const char *name);

/**
 * interrupts_counts_arrivals() - Check whether a row counts interrupts of its own
 * @name: name of the row
 *
 * Return: false for rows that count what happens within other interrupts: TLB
 * flushes (TLB), read retries (RTR), machine check polls (MCP).
 */
bool interrupts_counts_arrivals(const char *name);

/**
 * interrupts_total() - Count all interrupts that a CPU took
 * @irqs: what was read
 * @cpu: the CPU
 *
 * Return: the sum of the rows that count arrivals.
 */
unsigned long long interrupts_total(const struct interrupts *irqs, int cpu);

#endif
