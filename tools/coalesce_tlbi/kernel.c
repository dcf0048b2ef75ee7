// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common.h"
#include "kernel.h"

#define CPU_DIR		"/sys/devices/system/cpu/"
#define LOCKDOWN_FILE	"/sys/kernel/security/lockdown"
#define CPUSET_ISOLATED	"/sys/fs/cgroup/cpuset.cpus.isolated"
/* A function of every kernel that has the option */
#define SYMBOL		"coalesce_tlbi_flush_pending"

bool kernel_parameter(const char *name, char *value, size_t size)
{
	size_t length = strlen(name);
	char line[4096], *word, *save;
	bool found = false;

	value[0] = 0;
	if (!root_read("/proc/cmdline", line, sizeof(line)))
		return false;
	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		/* Parameters after it are init's. */
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
	/* gzread() also reads a file that is not compressed. */
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

const char *kernel_lockdown(void)
{
	static const char * const levels[] = { "integrity", LOCKDOWN_CONFIDENTIALITY };
	char text[128], level[32] = "";
	size_t i;

	/* The present level is in brackets. */
	if (root_read(LOCKDOWN_FILE, text, sizeof(text)))
		sscanf(text, "%*[^[][%31[^]]", level);
	else if (kernel_option("CONFIG_SECURITY_LOCKDOWN_LSM") != ANSWER_NO)
		kernel_parameter("lockdown", level, sizeof(level));
	for (i = 0; i < ARRAY_SIZE(levels); i++)
		if (!strcmp(level, levels[i]))
			return levels[i];
	return "none";
}

/* Everybody can read the names; only root sees the addresses. */
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
		fail(TOOL_FILE, "%s: not a CPU list: %s", path, list);
	return true;
}

/* The list of a boot parameter, after flags like "domain," */
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

/*
 * What the kernel's reason_for_off() found at boot, as far as user space can see it.
 * NULL if no reason can be seen.
 */
static const char *reason_for_off(const struct kernel *kernel)
{
	char value[64], hypervisor[64];

	kernel_parameter("coalesce_tlbi", value, sizeof(value));
	root_read("/sys/hypervisor/guest_type", hypervisor, sizeof(hypervisor));
	if (kernel->built == ANSWER_NO)
		return "this kernel is without the option CONFIG_COALESCE_TLBI";
	if (kernel->built == ANSWER_UNKNOWN)
		return "neither configuration nor symbols show whether this kernel has it";
	if (!strcmp(value, "off"))
		return "booted with coalesce_tlbi=off";
	if (cpus_empty(&kernel->nohz_full))
		return "no CPU is isolated by nohz_full=";
	if (!strcmp(hypervisor, "PV"))
		return "Xen PV guests enter and leave the kernel by other paths";
	if (!has_global_pages())
		return "the CPU has no global pages (PGE), which the entry flush needs";
	return NULL;
}

/* An unknown value selects the default, as in the kernel. */
static const char *mode_of_parameter(void)
{
	char value[64];

	kernel_parameter("coalesce_tlbi", value, sizeof(value));
	return strcmp(value, "pending") ? "always" : "pending";
}

void kernel_read(struct kernel *kernel, const struct interrupts *irqs,
		 const struct counters *counters)
{
	const char *why;

	memset(kernel, 0, sizeof(*kernel));
	if (!root_read("/proc/sys/kernel/osrelease", kernel->release, sizeof(kernel->release)))
		snprintf(kernel->release, sizeof(kernel->release), "unknown");
	read_sets(kernel, irqs);

	kernel->exact = counters->mode[0];
	kernel->built = kernel->exact ? ANSWER_YES : kernel_option("CONFIG_COALESCE_TLBI");
	if (kernel->built == ANSWER_UNKNOWN)
		kernel->built = has_symbol();

	why = reason_for_off(kernel);
	if (kernel->exact)
		kernel->on = strcmp(counters->mode, "off") ? ANSWER_YES : ANSWER_NO;
	else
		kernel->on = why ? ANSWER_NO : ANSWER_YES;
	snprintf(kernel->mode, sizeof(kernel->mode), "%s",
		 kernel->exact ? counters->mode :
		 kernel->on == ANSWER_YES ? mode_of_parameter() : "off");
	if (kernel->on == ANSWER_NO)
		snprintf(kernel->why_off, sizeof(kernel->why_off), "%s",
			 why ? why : "the kernel log has the reason: dmesg | grep coalesce_tlbi");
}

void kernel_choose(const struct kernel *kernel, struct cpus *cpus)
{
	struct cpus offline;
	char text[CPUS_TEXT];

	if (cpus_empty(cpus))
		*cpus = kernel->wanted;
	if (cpus_empty(cpus))
		fail(TOOL_USAGE, "no CPU is isolated in this boot: name CPUs with -C");
	offline = *cpus;
	cpus_andnot(&offline, &kernel->online);
	if (!cpus_empty(&offline))
		fail(TOOL_USAGE, "not online: CPU %s", cpus_format(&offline, text, sizeof(text)));
}
