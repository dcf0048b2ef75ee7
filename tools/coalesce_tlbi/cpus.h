/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sets of CPUs, as the kernel writes them.
 */
#ifndef COALESCE_TLBI_CPUS_H
#define COALESCE_TLBI_CPUS_H

#include <stdbool.h>
#include <stddef.h>

/* The largest CONFIG_NR_CPUS of x86 */
#define MAX_CPUS	8192
#define CPUS_WORD_BITS	64

/* Long enough for the list of a set with any but the strangest pattern */
#define CPUS_TEXT	1024

/**
 * struct cpus - a set of CPUs
 * @bits: a bit for each
 */
struct cpus {
	unsigned long long bits[MAX_CPUS / CPUS_WORD_BITS];
};

/**
 * cpus_parse() - Read a list
 * @list: as in "0-3,6"; "" and "(null)" are the empty set
 * @set: filled; empty on errors
 *
 * Return: false if it is none, or names a CPU beyond MAX_CPUS.
 */
bool cpus_parse(const char *list, struct cpus *set);

/**
 * cpus_parse_mask() - Read a mask
 * @mask: hexadecimal words of 32 bits, the highest first, with commas between
 * @set: filled; empty on errors
 *
 * Return: false if it is none, or has a CPU beyond MAX_CPUS.
 */
bool cpus_parse_mask(const char *mask, struct cpus *set);

/**
 * cpus_format() - Write a list
 * @set: the CPUs
 * @buf: filled; ends in "..." if it is too short
 * @size: of @buf, at least 16
 *
 * Return: @buf, "" for the empty set.
 */
const char *cpus_format(const struct cpus *set, char *buf, size_t size);

/**
 * cpus_next() - Go through a set
 * @set: the CPUs
 * @cpu: the one before, -1 to begin
 *
 * Return: the next CPU, -1 after the last.
 */
int cpus_next(const struct cpus *set, int cpu);

bool cpus_test(const struct cpus *set, int cpu);
void cpus_set(struct cpus *set, int cpu);
bool cpus_empty(const struct cpus *set);
int cpus_count(const struct cpus *set);

/* @to becomes the union, or the intersection, or what @with lacks. */
void cpus_or(struct cpus *to, const struct cpus *with);
void cpus_and(struct cpus *to, const struct cpus *with);
void cpus_andnot(struct cpus *to, const struct cpus *with);

#define for_each_cpu_in(cpu, set) \
	for ((cpu) = cpus_next(set, -1); (cpu) >= 0; (cpu) = cpus_next(set, cpu))

#endif
