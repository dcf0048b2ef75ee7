/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the running kernel was built and booted, as far as user space can see.
 */
#ifndef COALESCE_TLBI_KERNEL_H
#define COALESCE_TLBI_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "counters.h"
#include "cpus.h"
#include "interrupts.h"

enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

/**
 * struct kernel - a kernel and its boot
 * @release: as uname -r prints it, or "unknown"
 * @built: whether it has CONFIG_COALESCE_TLBI
 * @on: whether IPIs are deferred in this boot
 * @mode: "always", "pending" or "off"
 * @why_off: why it is off, "" if it is on
 * @exact: @mode was read from debugfs, not derived from the boot parameters
 * @online: CPUs that are online
 * @nohz_full: CPUs of nohz_full=
 * @isolated: CPUs outside of all scheduling domains (isolcpus=, cpusets)
 * @wanted: online CPUs in @nohz_full or @isolated: what this boot isolates
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
 * kernel_read() - Read the state of the kernel
 * @kernel: filled
 * @irqs: its interrupts
 * @counters: its counters; if they cannot be read, the mode is derived
 *
 * Reads /proc and /sys.  Ends the program with TOOL_FILE if a list of CPUs there
 * cannot be parsed.
 */
void kernel_read(struct kernel *kernel, const struct interrupts *irqs,
		 const struct counters *counters);

/**
 * kernel_option() - Look up an option in the kernel's configuration
 * @name: like "CONFIG_NO_HZ_FULL"
 *
 * Reads /proc/config.gz, or the file of this release in /boot.
 *
 * Return: whether it is y or m; ANSWER_UNKNOWN without a configuration.
 */
enum answer kernel_option(const char *name);

#define LOCKDOWN_CONFIDENTIALITY	"confidentiality"

/**
 * kernel_lockdown() - Look up how far the kernel is locked down
 *
 * Reads securityfs, or the command line if securityfs is not mounted.
 *
 * Return: "none", "integrity" or LOCKDOWN_CONFIDENTIALITY.
 */
const char *kernel_lockdown(void);

/**
 * kernel_choose() - Choose the CPUs that a command observes
 * @kernel: the running kernel
 * @cpus: the CPUs that the user named; if empty, set to those that the boot isolates
 *
 * Ends the program with one line if a CPU is not online, or none is chosen.
 */
void kernel_choose(const struct kernel *kernel, struct cpus *cpus);

/**
 * kernel_parameter() - Look up a parameter of the kernel's command line
 * @name: the parameter, without "="
 * @value: filled with its last value, "" if it has none
 * @size: size of @value
 *
 * Return: false if the command line does not have the parameter.
 */
bool kernel_parameter(const char *name, char *value, size_t size);

#endif
