// SPDX-License-Identifier: GPL-2.0
/*
 * coalesce-tlbi status: is the feature on, where, and what does this boot leave out?
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checks.h"
#include "interrupts.h"
#include "json.h"
#include "kernel.h"
#include "options.h"
#include "tool.h"

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

/* A copy has one moment: nothing in it tells how often the timer goes off. */
static bool has_moved(const struct interrupts *before, const struct interrupts *now)
{
	int i, j;

	for (i = 0; i < before->n_rows && i < now->n_rows; i++)
		for (j = 0; j < before->n_cpus && j < now->n_cpus; j++)
			if (before->row[i].count[j] != now->row[i].count[j])
				return true;
	return false;
}

static void print_feature(const struct kernel *kernel)
{
	char list[CPUS_TEXT];

	printf("kernel         %s\n", kernel->release);
	if (kernel->on != ANSWER_YES) {
		printf("coalesce_tlbi  off: %s\n", kernel->why_off);
		return;
	}
	cpus_format(&kernel->nohz_full, list, sizeof(list));
	printf("coalesce_tlbi  %s: deferred while CPUs %s run user mode%s\n", kernel->mode, list,
	       kernel->exact ? "" : " (mode by the boot parameter; root sees the kernel's)");
}

static void print_counts(const struct boot *boot, const struct interrupts *irqs, int cpu)
{
	struct coalesce_counts counts;

	if (kernel_counts(cpu, &counts))
		printf("  %10lu  %10lu  %8lu\n", counts.deferred, counts.entry_flushes,
		       counts.forced);
	else if (boot->kernel->on == ANSWER_YES)
		printf("  %10llu  %10s  %8s\n", interrupts_of(irqs, "CTI", cpu), "-", "-");
	else
		printf("  %10s  %10s  %8s\n", "-", "-", "-");
}

static void print_table(const struct boot *boot, const struct interrupts *irqs)
{
	const struct kernel *kernel = boot->kernel;
	int cpu, i = 0;

	if (cpus_empty(&kernel->wanted))
		return;
	printf("\n%4s  %-9s  %-8s  %-9s  %-4s  %8s  %10s  %10s  %8s\n", "CPU", "nohz_full",
	       "isolcpus", "rcu_nocbs", "irqs", "timers/s", "not sent", "at entry", "forced");
	for_each_cpu_in(cpu, &kernel->wanted) {
		printf("%4d  %-9s  %-8s  %-9s  %-4s", cpu, yes(cpus_test(&kernel->nohz_full, cpu)),
		       yes(cpus_test(&kernel->isolated, cpu)),
		       yes(cpus_test(&boot->no_callbacks, cpu)),
		       yes(cpus_test(&boot->device_irqs, cpu)));
		if (boot->tick_known)
			printf("  %8lu", boot->timers[i++]);
		else
			printf("  %8s", "-");
		print_counts(boot, irqs, cpu);
	}
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

static void json_cpu(const struct boot *boot, const struct interrupts *irqs, int cpu, int i)
{
	const struct kernel *kernel = boot->kernel;
	struct coalesce_counts counts;

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
	if (kernel_counts(cpu, &counts)) {
		json_number("deferred", counts.deferred);
		json_number("entry_flushes", counts.entry_flushes);
		json_number("forced", counts.forced);
	} else if (kernel->on == ANSWER_YES) {
		json_number("deferred", interrupts_of(irqs, "CTI", cpu));
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

static void json_status(const struct boot *boot, const struct interrupts *irqs)
{
	const struct kernel *kernel = boot->kernel;
	char list[CPUS_TEXT];
	int cpu, i = 0;

	json_object(NULL);
	json_text("kernel", kernel->release);
	json_answer("built", kernel->built);
	json_answer("on", kernel->on);
	json_text("mode", kernel->mode);
	json_bool("mode_is_the_kernels_word", kernel->exact);
	json_text("why_off", kernel->why_off);
	json_text("deferring_cpus", kernel->on == ANSWER_YES ?
		  cpus_format(&kernel->nohz_full, list, sizeof(list)) : "");
	json_array("cpus");
	for_each_cpu_in(cpu, &kernel->wanted)
		json_cpu(boot, irqs, cpu, i++);
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
	struct kernel kernel;
	struct boot boot;

	options_no_more(argv + options_parse(&o, "i:j", usage, argc, argv));

	start = now_ns();
	interrupts_read(&before);
	wait_ns(o.interval);
	interrupts_read(&now);
	ns = root_given() && !has_moved(&before, &now) ? 0 : now_ns() - start;
	kernel_read(&kernel, &now);
	boot_check(&boot, &kernel, &before, &now, ns);
	if (o.json) {
		json_status(&boot, &now);
	} else {
		print_feature(&kernel);
		print_table(&boot, &now);
		print_findings(&boot);
	}
	free(boot.timers);
	interrupts_free(&before);
	interrupts_free(&now);
	return boot.n_findings ? TOOL_MISSING : TOOL_OK;
}
