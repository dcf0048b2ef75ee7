/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kernel was built with and booted with, as far as it shows.
 */
#ifndef COALESCE_TLBI_KERNEL_H
#define COALESCE_TLBI_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "cpus.h"
#include "interrupts.h"

enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

/**
 * struct kernel - a kernel and its boot
 * @release: as of uname -r, "unknown" if it is
 * @built: has it CONFIG_COALESCE_TLBI?
 * @on: are flushes deferred in this boot?
 * @mode: "always", "pending", "off"; "" where @on is not known
 * @why_off: why it is off, "" if it is not
 * @exact: is @mode the kernel's own word (debugfs), not derived?
 * @online: CPUs that are online
 * @nohz_full: CPUs of nohz_full=
 * @isolated: CPUs that the scheduler's domains leave out (isolcpus=, cpusets)
 * @wanted: both, of those online: what this boot means to isolate
 */
struct kernel {
	char release[80];
	enum answer built;
	enum answer on;
	char mode[16];
	char why_off[160];
	bool exact;
	struct cpus online;
	struct cpus nohz_full;
	struct cpus isolated;
	struct cpus wanted;
};

/**
 * struct coalesce_counts - counters of one CPU, from debugfs
 * @deferred: interrupts that were not sent to it
 * @entry_flushes: flushes that its entries did
 * @forced: interrupts for flushes that could not stay deferred
 */
struct coalesce_counts {
	unsigned long deferred;
	unsigned long entry_flushes;
	unsigned long forced;
};

/**
 * kernel_read() - Find out about the kernel
 * @kernel: filled
 * @irqs: its interrupts
 *
 * From /proc and /sys, and for what only root sees there by what follows from the
 * rest: boot parameters, configuration, symbols.  Ends the program with TOOL_FILE
 * without /proc.
 */
void kernel_read(struct kernel *kernel, const struct interrupts *irqs);

/**
 * kernel_counts() - The counters of a CPU
 * @cpu: the CPU
 * @counts: filled
 *
 * Return: false if the kernel does not show them (no debugfs, not root, off there).
 */
bool kernel_counts(int cpu, struct coalesce_counts *counts);

/**
 * kernel_option() - An option of the kernel's configuration
 * @name: as "CONFIG_NO_HZ_FULL"
 *
 * From /proc/config.gz, or the file of this release in /boot.
 *
 * Return: whether it is y or m; ANSWER_UNKNOWN if there is no configuration.
 */
enum answer kernel_option(const char *name);

/**
 * kernel_choose() - The CPUs that a command is about
 * @kernel: the running one
 * @cpus: those that were named; if none was, becomes those that the boot isolates
 *
 * Ends the program with one line if one is not online, or none is left.
 */
void kernel_choose(const struct kernel *kernel, struct cpus *cpus);

/**
 * kernel_parameter() - A parameter of the kernel's command line
 * @name: without "="
 * @value: filled with that of the last one, "" if it has none
 * @size: of @value
 *
 * Return: false if it was not given.
 */
bool kernel_parameter(const char *name, char *value, size_t size);

#endif
