// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "kernel.h"
#include "tool.h"

#define DEBUGFS		"/sys/kernel/debug/x86/coalesce_tlbi"
#define CPU_DIR		"/sys/devices/system/cpu/"
#define CPUSET_ISOLATED	"/sys/fs/cgroup/cpuset.cpus.isolated"
#define SYMBOL		"coalesce_tlbi_show_interrupts"

bool kernel_parameter(const char *name, char *value, size_t size)
{
	size_t length = strlen(name);
	char line[4096], *word, *save;
	bool found = false;

	value[0] = 0;
	if (!root_read("/proc/cmdline", line, sizeof(line)))
		return false;
	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		/* What follows is init's. */
		if (!strcmp(word, "--"))
			break;
		if (strncmp(word, name, length) || (word[length] && word[length] != '='))
			continue;
		snprintf(value, size, "%s", word[length] ? word + length + 1 : "");
		found = true;
	}
	return found;
}

static gzFile open_config(void)
{
	char release[80], path[128], name[4096];
	gzFile f = gzopen(root_path("/proc/config.gz", name, sizeof(name)), "r");

	if (f || !root_read("/proc/sys/kernel/osrelease", release, sizeof(release)))
		return f;
	snprintf(path, sizeof(path), "/boot/config-%s", release);
	/* One that is not compressed is read as it is. */
	return gzopen(root_path(path, name, sizeof(name)), "r");
}

enum answer kernel_option(const char *name)
{
	enum answer answer = ANSWER_NO;
	size_t length = strlen(name);
	gzFile f = open_config();
	char line[1024];
	bool any = false;

	if (!f)
		return ANSWER_UNKNOWN;
	while (gzgets(f, line, sizeof(line))) {
		any = true;
		if (!strncmp(line, name, length) && line[length] == '=' &&
		    (line[length + 1] == 'y' || line[length + 1] == 'm'))
			answer = ANSWER_YES;
	}
	gzclose(f);
	return any ? answer : ANSWER_UNKNOWN;
}

/* Names are there for everyone, addresses for root. */
static enum answer has_symbol(void)
{
	enum answer answer = ANSWER_UNKNOWN;
	FILE *f = root_open("/proc/kallsyms");
	char line[512], name[256];

	if (!f)
		return answer;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %*s %255s", name) != 1)
			continue;
		answer = strcmp(name, SYMBOL) ? ANSWER_NO : ANSWER_YES;
		if (answer == ANSWER_YES)
			break;
	}
	fclose(f);
	return answer;
}

static bool read_cpus(const char *path, struct cpus *set)
{
	char list[4096];

	memset(set, 0, sizeof(*set));
	if (!root_read(path, list, sizeof(list)))
		return false;
	if (!cpus_parse(list, set))
		fail(TOOL_FILE, "%s: no list of CPUs: %s", path, list);
	return true;
}

/* A list as a boot parameter has it, behind flags like "domain," */
static void read_cpus_parameter(const char *name, struct cpus *set)
{
	char value[1024], *list;

	memset(set, 0, sizeof(*set));
	if (!kernel_parameter(name, value, sizeof(value)))
		return;
	for (list = value; *list && (*list < '0' || *list > '9'); list++)
		;
	cpus_parse(list, set);
}

static void read_sets(struct kernel *kernel, const struct interrupts *irqs)
{
	struct cpus cpuset;
	int i;

	if (!read_cpus(CPU_DIR "online", &kernel->online))
		for (i = 0; i < irqs->n_cpus; i++)
			cpus_set(&kernel->online, irqs->cpu[i]);
	if (!read_cpus(CPU_DIR "nohz_full", &kernel->nohz_full) &&
	    kernel_option("CONFIG_NO_HZ_FULL") != ANSWER_NO)
		read_cpus_parameter("nohz_full", &kernel->nohz_full);
	if (!read_cpus(CPU_DIR "isolated", &kernel->isolated))
		read_cpus_parameter("isolcpus", &kernel->isolated);
	if (read_cpus(CPUSET_ISOLATED, &cpuset))
		cpus_or(&kernel->isolated, &cpuset);
	kernel->wanted = kernel->nohz_full;
	cpus_or(&kernel->wanted, &kernel->isolated);
	cpus_and(&kernel->wanted, &kernel->online);
}

static bool read_mode(struct kernel *kernel)
{
	char line[64];

	return root_read(DEBUGFS, line, sizeof(line)) &&
	       sscanf(line, "mode %15s", kernel->mode) == 1;
}

static bool has_global_pages(void)
{
	FILE *f = root_open("/proc/cpuinfo");
	bool found = !f;
	char *line = NULL;
	size_t size = 0;

	while (f && !found && getline(&line, &size, f) > 0)
		found = !strncmp(line, "flags", 5) && strstr(line, " pge ");
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* What reason_for_off() of the kernel found at boot, looked at from outside */
static void explain_off(struct kernel *kernel)
{
	char value[64], hypervisor[64];
	const char *why = "the kernel log has the reason: dmesg | grep coalesce_tlbi";

	kernel_parameter("coalesce_tlbi", value, sizeof(value));
	root_read("/sys/hypervisor/guest_type", hypervisor, sizeof(hypervisor));
	if (kernel->built == ANSWER_NO)
		why = "this kernel is without the option CONFIG_COALESCE_TLBI";
	else if (kernel->built == ANSWER_UNKNOWN)
		why = "neither configuration nor symbols show whether this kernel has it";
	else if (!strcmp(value, "off"))
		why = "booted with coalesce_tlbi=off";
	else if (cpus_empty(&kernel->nohz_full))
		why = "no CPU is isolated by nohz_full=";
	else if (!strcmp(hypervisor, "PV"))
		why = "Xen PV guests enter and leave the kernel by other paths";
	else if (!has_global_pages())
		why = "the CPU has no global pages (PGE), by which entry flushes";
	snprintf(kernel->why_off, sizeof(kernel->why_off), "%s", why);
}

/* The mode as the boot parameter has it; a value that is none is the default. */
static void derive_mode(struct kernel *kernel)
{
	char value[64];

	kernel_parameter("coalesce_tlbi", value, sizeof(value));
	if (kernel->on == ANSWER_NO)
		snprintf(value, sizeof(value), "off");
	else if (strcmp(value, "pending"))
		snprintf(value, sizeof(value), "always");
	snprintf(kernel->mode, sizeof(kernel->mode), "%.15s", value);
}

void kernel_read(struct kernel *kernel, const struct interrupts *irqs)
{
	memset(kernel, 0, sizeof(*kernel));
	if (!root_read("/proc/sys/kernel/osrelease", kernel->release, sizeof(kernel->release)))
		snprintf(kernel->release, sizeof(kernel->release), "unknown");
	read_sets(kernel, irqs);

	kernel->exact = read_mode(kernel);
	if (kernel->exact || interrupts_has(irqs, "CTI"))
		kernel->built = ANSWER_YES;
	else
		kernel->built = kernel_option("CONFIG_COALESCE_TLBI");
	if (kernel->built == ANSWER_UNKNOWN)
		kernel->built = has_symbol();

	/* The row is there in every mode but off. */
	if (kernel->exact)
		kernel->on = strcmp(kernel->mode, "off") ? ANSWER_YES : ANSWER_NO;
	else
		kernel->on = interrupts_has(irqs, "CTI") ? ANSWER_YES : ANSWER_NO;
	if (!kernel->exact)
		derive_mode(kernel);
	if (kernel->on == ANSWER_NO)
		explain_off(kernel);
}

bool kernel_counts(int cpu, struct coalesce_counts *counts)
{
	FILE *f = root_open(DEBUGFS);
	bool found = false;
	char line[128];
	int n;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%d %lu %lu %lu", &n, &counts->deferred,
			       &counts->entry_flushes, &counts->forced) == 4 && n == cpu;
	fclose(f);
	return found;
}

void kernel_choose(const struct kernel *kernel, struct cpus *cpus)
{
	struct cpus offline;
	char text[CPUS_TEXT];

	if (cpus_empty(cpus))
		*cpus = kernel->wanted;
	if (cpus_empty(cpus))
		fail(TOOL_USAGE, "no CPU is isolated in this boot: name CPUs by -C");
	offline = *cpus;
	cpus_andnot(&offline, &kernel->online);
	if (!cpus_empty(&offline))
		fail(TOOL_USAGE, "not online: CPU %s", cpus_format(&offline, text, sizeof(text)));
}
