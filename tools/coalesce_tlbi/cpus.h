/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sets of CPUs, in the kernel's formats.
 */
#ifndef COALESCE_TLBI_CPUS_H
#define COALESCE_TLBI_CPUS_H

#include <stdbool.h>
#include <stddef.h>

/* The largest CONFIG_NR_CPUS of x86 */
#define MAX_CPUS	8192
#define CPUS_WORD_BITS	64

/* Buffer size for a CPU list; longer lists end in "..." */
#define CPUS_TEXT	1024

/**
 * struct cpus - a set of CPUs
 * @bits: one bit for each CPU
 */
struct cpus {
	unsigned long long bits[MAX_CPUS / CPUS_WORD_BITS];
};

/**
 * cpus_parse() - Parse a CPU list
 * @list: like "0-3,6"; "" and "(null)" are the empty set
 * @set: filled; empty on errors
 *
 * Return: false if @list is not a list, or has a CPU beyond MAX_CPUS.
 */
bool cpus_parse(const char *list, struct cpus *set);

/**
 * cpus_parse_mask() - Parse a CPU mask
 * @mask: hexadecimal words of 32 bits, the highest first, separated by commas
 * @set: filled; empty on errors
 *
 * Return: false if @mask is not a mask, or has a CPU beyond MAX_CPUS.
 */
bool cpus_parse_mask(const char *mask, struct cpus *set);

/**
 * cpus_format() - Format a CPU list
 * @set: the CPUs
 * @buf: filled; ends in "..." if it is too short
 * @size: size of @buf, at least 16
 *
 * Return: @buf, "" for the empty set.
 */
const char *cpus_format(const struct cpus *set, char *buf, size_t size);

/**
 * cpus_next() - Iterate over a set
 * @set: the CPUs
 * @cpu: the previous CPU, -1 to begin
 *
 * Return: the next CPU, -1 after the last.
 */
int cpus_next(const struct cpus *set, int cpu);

bool cpus_test(const struct cpus *set, int cpu);
void cpus_set(struct cpus *set, int cpu);
bool cpus_empty(const struct cpus *set);
int cpus_count(const struct cpus *set);

/* @to becomes the union, the intersection, or @to without @with. */
void cpus_or(struct cpus *to, const struct cpus *with);
void cpus_and(struct cpus *to, const struct cpus *with);
void cpus_andnot(struct cpus *to, const struct cpus *with);

#define for_each_cpu_in(cpu, set) \
	for ((cpu) = cpus_next(set, -1); (cpu) >= 0; (cpu) = cpus_next(set, cpu))

#endif
