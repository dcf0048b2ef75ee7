// SPDX-License-Identifier: GPL-2.0
/*
 * coalesce-tlbi status: whether the feature is on, on which CPUs, and what this boot
 * does not isolate.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checks.h"
#include "common.h"
#include "counters.h"
#include "interrupts.h"
#include "json.h"
#include "kernel.h"
#include "options.h"

#define SAMPLE_NS	1000000000LL

static const char *yes(bool is)
{
	return is ? "yes" : "no";
}

static void wait_ns(long long ns)
{
	struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* The counts in a copy do not change, so it has no timer rate. */
static bool has_moved(const struct interrupts *before, const struct interrupts *now)
{
	int i, j;

	for (i = 0; i < before->n_rows && i < now->n_rows; i++)
		for (j = 0; j < before->n_cpus && j < now->n_cpus; j++)
			if (before->row[i].count[j] != now->row[i].count[j])
				return true;
	return false;
}

/* What a kernel that is locked down refuses to administrators of isolated CPUs */
static void print_lockdown(const char *level)
{
	if (!strcmp(level, LOCKDOWN_CONFIDENTIALITY))
		printf("lockdown       %s: no tracing, so watch shows no initiators, %s\n", level,
		       "record fails; no writes to debugfs");
	else if (strcmp(level, "none"))
		printf("lockdown       %s: no writes to debugfs\n", level);
}

static void print_feature(const struct kernel *kernel)
{
	char list[CPUS_TEXT];

	printf("kernel         %s\n", kernel->release);
	print_lockdown(kernel_lockdown());
	if (kernel->on != ANSWER_YES) {
		printf("coalesce_tlbi  off: %s\n", kernel->why_off);
		return;
	}
	cpus_format(&kernel->nohz_full, list, sizeof(list));
	printf("coalesce_tlbi  %s: deferred while CPUs %s run user mode%s\n", kernel->mode, list,
	       kernel->exact ? "" : " (mode by the boot parameter)");
}

static void print_counters(const struct cpu_counters *counters)
{
	if (counters)
		printf("  %8lu  %13lu  %6lu\n", counters->deferred, counters->entry_flushes,
		       counters->forced);
	else
		printf("  %8s  %13s  %6s\n", "-", "-", "-");
}

static void print_table(const struct boot *boot, const struct counters *counters)
{
	const struct kernel *kernel = boot->kernel;
	int cpu, i = 0;

	if (cpus_empty(&kernel->wanted))
		return;
	printf("\n%4s  %-9s  %-8s  %-9s  %-4s  %8s  %8s  %13s  %6s\n", "CPU", "nohz_full",
	       "isolcpus", "rcu_nocbs", "irqs", "timers/s", "deferred", "entry_flushes", "forced");
	for_each_cpu_in(cpu, &kernel->wanted) {
		printf("%4d  %-9s  %-8s  %-9s  %-4s", cpu, yes(cpus_test(&kernel->nohz_full, cpu)),
		       yes(cpus_test(&kernel->isolated, cpu)),
		       yes(cpus_test(&boot->no_callbacks, cpu)),
		       yes(cpus_test(&boot->device_irqs, cpu)));
		if (boot->tick_known)
			printf("  %8lu", boot->timers[i++]);
		else
			printf("  %8s", "-");
		print_counters(counters_of(counters, cpu));
	}
	if (kernel->on == ANSWER_YES && !kernel->exact)
		printf("\nno counters: %s\n", counters->error);
}

static void print_findings(const struct boot *boot)
{
	const struct finding *f;
	char list[CPUS_TEXT];
	int i;

	putchar('\n');
	for (i = 0; i < boot->n_findings; i++) {
		f = &boot->finding[i];
		printf("missing: %s", f->what);
		if (!cpus_empty(&f->cpus))
			printf(", CPU %s", cpus_format(&f->cpus, list, sizeof(list)));
		printf(": %s\n         %s\n", f->now, f->change);
	}
	if (!boot->n_findings)
		puts("nothing is missing");
}

static void json_cpu(const struct boot *boot, const struct counters *counters, int cpu, int i)
{
	const struct kernel *kernel = boot->kernel;
	const struct cpu_counters *counts = counters_of(counters, cpu);

	json_object(NULL);
	json_number("cpu", cpu);
	json_bool("nohz_full", cpus_test(&kernel->nohz_full, cpu));
	json_bool("isolcpus", cpus_test(&kernel->isolated, cpu));
	json_bool("rcu_nocbs", cpus_test(&boot->no_callbacks, cpu));
	json_bool("device_irqs", cpus_test(&boot->device_irqs, cpu));
	if (boot->tick_known)
		json_number("timers_per_second", boot->timers[i]);
	else
		json_null("timers_per_second");
	if (counts) {
		json_number("deferred", counts->deferred);
		json_number("entry_flushes", counts->entry_flushes);
		json_number("forced", counts->forced);
	}
	json_end();
}

static void json_findings(const struct boot *boot)
{
	char list[CPUS_TEXT];
	int i;

	json_array("missing");
	for (i = 0; i < boot->n_findings; i++) {
		json_object(NULL);
		json_text("what", boot->finding[i].what);
		json_text("cpus", cpus_format(&boot->finding[i].cpus, list, sizeof(list)));
		json_text("now", boot->finding[i].now);
		json_text("change", boot->finding[i].change);
		json_end();
	}
	json_end();
}

static void json_answer(const char *name, enum answer answer)
{
	if (answer == ANSWER_UNKNOWN)
		json_null(name);
	else
		json_bool(name, answer == ANSWER_YES);
}

static void json_status(const struct boot *boot, const struct counters *counters)
{
	const struct kernel *kernel = boot->kernel;
	char list[CPUS_TEXT];
	int cpu, i = 0;

	json_object(NULL);
	json_text("kernel", kernel->release);
	json_text("lockdown", kernel_lockdown());
	json_answer("built", kernel->built);
	json_answer("on", kernel->on);
	json_text("mode", kernel->mode);
	json_bool("mode_is_from_kernel", kernel->exact);
	json_text("why_off", kernel->why_off);
	json_text("deferring_cpus", kernel->on == ANSWER_YES ?
		  cpus_format(&kernel->nohz_full, list, sizeof(list)) : "");
	json_array("cpus");
	for_each_cpu_in(cpu, &kernel->wanted)
		json_cpu(boot, counters, cpu, i++);
	json_end();
	json_findings(boot);
	json_end();
}

int status_main(int argc, char **argv)
{
	static const char usage[] = "status [-i SECONDS] [-j]";
	struct options o = { .interval = SAMPLE_NS };
	unsigned long long start, ns;
	struct interrupts before, now;
	struct counters counters;
	struct kernel kernel;
	struct boot boot;

	options_no_more(argv + options_parse(&o, "i:j", usage, argc, argv));

	start = now_ns();
	interrupts_read(&before);
	wait_ns(o.interval);
	interrupts_read(&now);
	ns = root_given() && !has_moved(&before, &now) ? 0 : now_ns() - start;
	counters_read(&counters);
	kernel_read(&kernel, &now, &counters);
	boot_check(&boot, &kernel, &before, &now, ns);
	if (o.json) {
		json_status(&boot, &counters);
	} else {
		print_feature(&kernel);
		print_table(&boot, &counters);
		print_findings(&boot);
	}
	free(boot.timers);
	interrupts_free(&before);
	interrupts_free(&now);
	counters_free(&counters);
	return boot.n_findings ? TOOL_MISSING : TOOL_OK;
}
