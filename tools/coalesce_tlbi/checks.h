/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a boot does for its isolated CPUs, and what it leaves out.
 */
#ifndef COALESCE_TLBI_CHECKS_H
#define COALESCE_TLBI_CHECKS_H

#include "kernel.h"

#define MAX_FINDINGS	16

/**
 * struct finding - something that is missing
 * @what: one word
 * @cpus: on which CPUs; empty if it is no matter of CPUs
 * @now: what is the case
 * @change: what to do about it
 */
struct finding {
	const char *what;
	struct cpus cpus;
	char now[256];
	char change[CPUS_TEXT + 256];
};

/**
 * struct boot - how the CPUs of kernel->wanted fare
 * @kernel: the kernel
 * @no_callbacks: of those, RCU callbacks run elsewhere
 * @device_irqs: a device's interrupt would go there
 * @ticking: the tick runs
 * @tick_known: was that looked at?
 * @timers: timer interrupts a second, by place in the set
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
 * boot_check() - Look at everything
 * @boot: filled
 * @kernel: from kernel_read()
 * @before: interrupts some time ago
 * @now: interrupts now
 * @ns: the time between, in nanoseconds; 0 if they are the same, and the tick is
 *	not to be looked at
 */
void boot_check(struct boot *boot, const struct kernel *kernel, const struct interrupts *before,
		const struct interrupts *now, unsigned long long ns);

#endif
