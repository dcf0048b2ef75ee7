/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a boot isolates its CPUs, and what is missing.
 */
#ifndef COALESCE_TLBI_CHECKS_H
#define COALESCE_TLBI_CHECKS_H

#include "kernel.h"

#define MAX_FINDINGS	16

/**
 * struct finding - something that is missing
 * @what: its name, one word
 * @cpus: the CPUs that lack it; empty if it is not per CPU
 * @now: the present state
 * @change: how to change that
 */
struct finding {
	const char *what;
	struct cpus cpus;
	char now[256];
	char change[CPUS_TEXT + 256];
};

/**
 * struct boot - how the CPUs of kernel->wanted are isolated
 * @kernel: the kernel
 * @no_callbacks: CPUs whose RCU callbacks run elsewhere
 * @device_irqs: CPUs that a device's interrupt is routed to
 * @ticking: CPUs on which the tick runs
 * @tick_known: @ticking and @timers are valid
 * @timers: timer interrupts per second, in the order of kernel->wanted
 * @n_findings: number of findings
 * @finding: what is missing
 */
struct boot {
	const struct kernel *kernel;
	struct cpus no_callbacks;
	struct cpus device_irqs;
	struct cpus ticking;
	bool tick_known;
	unsigned long *timers;
	int n_findings;
	struct finding finding[MAX_FINDINGS];
};

/**
 * boot_check() - Run all checks
 * @boot: filled
 * @kernel: from kernel_read()
 * @before: interrupts some time ago
 * @now: interrupts now
 * @ns: the time between the two in nanoseconds; 0 skips the check of the tick
 */
void boot_check(struct boot *boot, const struct kernel *kernel, const struct interrupts *before,
		const struct interrupts *now, unsigned long long ns);

#endif
