// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "common.h"

/* An isolated CPU still has about one timer interrupt per second. */
#define TICKS_TOLERATED	10

static struct finding *add(struct boot *boot, const char *what, const struct cpus *cpus,
			   const char *now)
{
	struct finding *f = &boot->finding[boot->n_findings];

	if (boot->n_findings == MAX_FINDINGS - 1)
		fail(TOOL_FILE, "too many findings");
	boot->n_findings++;
	f->what = what;
	if (cpus)
		f->cpus = *cpus;
	snprintf(f->now, sizeof(f->now), "%s", now);
	return f;
}

static void change(struct finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void change(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->change, sizeof(f->change), fmt, ap);
	va_end(ap);
}

static void check_feature(struct boot *boot)
{
	const struct kernel *kernel = boot->kernel;
	char value[64];
	struct finding *f;

	if (kernel->on != ANSWER_YES) {
		f = add(boot, "coalesce_tlbi", NULL, kernel->why_off);
		if (kernel->built == ANSWER_NO)
			change(f, "boot a kernel that is built with CONFIG_COALESCE_TLBI=y");
		else if (strstr(kernel->why_off, "coalesce_tlbi=off"))
			change(f, "boot with coalesce_tlbi=pending or always");
		else if (cpus_empty(&kernel->nohz_full))
			change(f, "boot with nohz_full= and a list of CPUs");
		else
			change(f, "no boot parameter changes that");
		return;
	}
	if (!kernel_parameter("coalesce_tlbi", value, sizeof(value)))
		return;
	if (!strcmp(value, "owed"))
		change(add(boot, "coalesce_tlbi", NULL,
			   "mode owed is called pending now; the kernel uses always"),
		       "boot with coalesce_tlbi=pending");
	else if (strcmp(value, "always") && strcmp(value, "pending") && strcmp(value, "off"))
		change(add(boot, "coalesce_tlbi", NULL,
			   "the kernel does not know this value of coalesce_tlbi="),
		       "boot with coalesce_tlbi=pending, always or off");
}

static void check_nohz_full(struct boot *boot)
{
	struct cpus without = boot->kernel->wanted;
	char list[CPUS_TEXT];
	struct finding *f;

	if (cpus_empty(&boot->kernel->wanted)) {
		f = add(boot, "nohz_full", NULL, "no CPU is isolated");
		change(f, "boot with nohz_full=LIST isolcpus=domain,managed_irq,LIST %s",
		       "irqaffinity=OTHERS");
		return;
	}
	cpus_andnot(&without, &boot->kernel->nohz_full);
	if (cpus_empty(&without))
		return;
	f = add(boot, "nohz_full", &without, "the tick never stops, and no IPI is deferred");
	if (kernel_option("CONFIG_NO_HZ_FULL") == ANSWER_NO)
		change(f, "boot a kernel that is built with CONFIG_NO_HZ_FULL=y");
	else
		change(f, "boot with nohz_full=%s",
		       cpus_format(&boot->kernel->wanted, list, sizeof(list)));
}

static void check_isolcpus(struct boot *boot)
{
	struct cpus without = boot->kernel->wanted;
	char value[1024], list[CPUS_TEXT];

	cpus_format(&boot->kernel->wanted, list, sizeof(list));
	cpus_andnot(&without, &boot->kernel->isolated);
	if (!cpus_empty(&without))
		change(add(boot, "isolcpus", &without, "the scheduler may place other tasks there"),
		       "boot with isolcpus=domain,managed_irq,%s, or make an isolated cpuset %s",
		       list, "partition of these CPUs");
	else if (kernel_parameter("isolcpus", value, sizeof(value)) &&
		 !strstr(value, "managed_irq"))
		change(add(boot, "managed_irq", &boot->kernel->isolated,
			   "managed interrupts of drivers may be routed there"),
		       "boot with isolcpus=domain,managed_irq,%s", list);
}

/* The kernel thread that runs the RCU callbacks of CPU N is rcuop/N or rcuos/N. */
static void find_callback_threads(struct cpus *set)
{
	char dir[4096], path[300], comm[64];
	DIR *proc = opendir(root_path("/proc", dir, sizeof(dir)));
	struct dirent *entry;
	int cpu;

	while (proc && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (root_read(path, comm, sizeof(comm)) &&
		    sscanf(comm, "rcuo%*[ps]/%d", &cpu) == 1 && cpu >= 0 && cpu < MAX_CPUS)
			cpus_set(set, cpu);
	}
	if (proc)
		closedir(proc);
}

static void check_rcu(struct boot *boot)
{
	struct cpus without = boot->kernel->wanted;
	char list[CPUS_TEXT];
	struct finding *f;

	find_callback_threads(&boot->no_callbacks);
	cpus_and(&boot->no_callbacks, &boot->kernel->wanted);
	cpus_andnot(&without, &boot->no_callbacks);
	if (cpus_empty(&without))
		return;
	f = add(boot, "rcu_nocbs", &without, "RCU callbacks run there");
	if (kernel_option("CONFIG_RCU_NOCB_CPU") == ANSWER_NO)
		change(f, "boot a kernel that is built with CONFIG_RCU_NOCB_CPU=y");
	else
		change(f, "boot with rcu_nocbs=%s",
		       cpus_format(&boot->kernel->wanted, list, sizeof(list)));
}

/* Where @irq is routed: the kernel's choice, or the mask that it may choose from. */
static bool read_affinity(const char *irq, struct cpus *set)
{
	static const char * const files[] = { "effective_affinity_list", "smp_affinity_list" };
	char path[300], list[4096];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/proc/irq/%s/%s", irq, files[i]);
		if (root_read(path, list, sizeof(list)) && cpus_parse(list, set) &&
		    !cpus_empty(set))
			return true;
	}
	return false;
}

static void list_irq(char *names, size_t size, const char *irq)
{
	size_t used = strlen(names);

	if (used + strlen(irq) + 8 < size)
		snprintf(names + used, size - used, "%s%s", used ? ", " : "", irq);
	else if (!strstr(names, "..."))
		snprintf(names + used, size - used, " ...");
}

/* The queue that a driver has for I/O from that CPU may never raise its interrupt. */
static bool came(const char *irq, const struct interrupts *irqs, const struct cpus *set)
{
	int cpu;

	for_each_cpu_in(cpu, set)
		if (interrupts_of(irqs, irq, cpu))
			return true;
	return false;
}

static void check_device_irqs(struct boot *boot, const struct interrupts *irqs)
{
	char dir[4096], names[128] = "", now[256];
	struct cpus coming = { 0 };
	DIR *proc = opendir(root_path("/proc/irq", dir, sizeof(dir)));
	struct dirent *entry;
	struct cpus set;

	while (proc && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !interrupts_has(irqs, entry->d_name) || !read_affinity(entry->d_name, &set))
			continue;
		cpus_and(&set, &boot->kernel->wanted);
		cpus_or(&boot->device_irqs, &set);
		if (!came(entry->d_name, irqs, &set))
			continue;
		cpus_or(&coming, &set);
		list_irq(names, sizeof(names), entry->d_name);
	}
	if (proc)
		closedir(proc);
	if (cpus_empty(&coming))
		return;
	snprintf(now, sizeof(now), "device interrupts are routed there and arrived: %s", names);
	change(add(boot, "irq", &coming, now),
	       "write other CPUs to /proc/irq/N/smp_affinity_list and stop irqbalance; %s",
	       "an interrupt that cannot be moved serves I/O from that CPU");
}

static void check_irqaffinity(struct boot *boot)
{
	struct cpus set, others = boot->kernel->online;
	char mask[4096], list[CPUS_TEXT];

	if (!root_read("/proc/irq/default_smp_affinity", mask, sizeof(mask)))
		return;
	if (!cpus_parse_mask(mask, &set))
		fail(TOOL_FILE, "/proc/irq/default_smp_affinity: not a CPU mask: %s", mask);
	cpus_and(&set, &boot->kernel->wanted);
	cpus_andnot(&others, &boot->kernel->wanted);
	if (!cpus_empty(&set))
		change(add(boot, "irqaffinity", &set, "new device interrupts may be routed there"),
		       "boot with irqaffinity=%s", cpus_format(&others, list, sizeof(list)));
}

static void check_tick(struct boot *boot, const struct interrupts *before,
		       const struct interrupts *now, unsigned long long ns)
{
	const struct cpus *wanted = &boot->kernel->wanted;
	unsigned long long rate;
	char source[64];
	struct finding *f;
	int cpu, i = 0;

	boot->tick_known = ns;
	if (!ns)
		return;
	boot->timers = need_memory(calloc(cpus_count(wanted) + 1, sizeof(*boot->timers)));
	for_each_cpu_in(cpu, wanted) {
		rate = (interrupts_of(now, "LOC", cpu) - interrupts_of(before, "LOC", cpu)) *
			1000000000ULL / ns;
		boot->timers[i++] = rate;
		if (rate > TICKS_TOLERATED)
			cpus_set(&boot->ticking, cpu);
	}
	if (cpus_empty(&boot->ticking))
		return;
	f = add(boot, "tick", &boot->ticking, "the tick runs or timers expire there");
	root_read("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		  sizeof(source));
	if (source[0] && strcmp(source, "tsc"))
		change(f, "with clock source %s the tick does not stop; boot with %s", source,
		       "tsc=reliable if the TSC is reliable");
	else
		change(f, "run one task there, without POSIX CPU timers and perf events; see %s",
		       "the events timer:tick_stop and timer:hrtimer_expire_entry");
}

void boot_check(struct boot *boot, const struct kernel *kernel, const struct interrupts *before,
		const struct interrupts *now, unsigned long long ns)
{
	memset(boot, 0, sizeof(*boot));
	boot->kernel = kernel;
	check_feature(boot);
	check_nohz_full(boot);
	if (cpus_empty(&kernel->wanted))
		return;
	check_isolcpus(boot);
	check_rcu(boot);
	check_irqaffinity(boot);
	check_device_irqs(boot, now);
	check_tick(boot, before, now, ns);
}
