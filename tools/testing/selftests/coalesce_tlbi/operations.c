// SPDX-License-Identifier: GPL-2.0
/* Calls isolated.c and counts.c only.  See operations.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"
#include "operations.h"

#define MODULE		"/coalesce_tlbi_nothing.ko"
#define MODULE_NAME	"coalesce_tlbi_nothing"
#define TRACEFS		"/sys/kernel/tracing/"
#define INSTANCE	TRACEFS "instances/coalesce_tlbi"
#define SYSCTL		"/proc/sys/"
#define MOUNT_POINT	"/coalesce_tlbi.mount"
#define FORK_EVENT	TRACEFS "events/sched/sched_process_fork/"
#define CPUFREQ		"/sys/devices/system/cpu/cpufreq/policy0/"
#define MACHINE_CHECK	"/sys/devices/system/machinecheck/machinecheck0/"
#define CLOCKSOURCE	"/sys/devices/system/clocksource/clocksource0/"
#define CPU_ONLINE	"/sys/devices/system/cpu/cpu%d/online"
#define HUGE_PAGE	(2UL << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

bool sent_start(void)
{
	int err = oracle_command(ORACLE_SENT_START, NULL);

	if (err && err != ENOENT)
		ksft_exit_fail_msg("IPIs that are queued: %s\n", strerror(err));
	return !err;
}

unsigned long sent_tally(struct tally *sum)
{
	struct oracle_sent sent = { .index = 0 };
	unsigned long n = 0;
	int err;

	for (; !(err = oracle_command(ORACLE_SENT, &sent)); sent.index++) {
		if (!sent.to_user_mode || !is_deferrable(sent.name))
			continue;
		tally_add(sum, sent.name, sent.to_user_mode);
		n += sent.to_user_mode;
	}
	if (err != ENOENT)
		ksft_exit_fail_msg("IPIs that were queued: %s\n", strerror(err));
	return n;
}

int write_word(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_TRUNC), err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, word, strlen(word)) < 0)
		err = errno;
	close(fd);
	return err;
}

static int write_two(const char *path, const char *first, const char *second)
{
	int err = write_word(path, first);

	return err ? err : write_word(path, second);
}

int operate_probe(const char *name)
{
	struct oracle_probe request = { "" };

	snprintf(request.name, sizeof(request.name), "%s", name);
	return oracle_command(ORACLE_PROBE, &request);
}

static int operate_kprobe(void)
{
	int err = operate_probe("function:__x64_sys_getppid");

	return err ? err : operate_probe("");
}

static int operate_tracepoint(void)
{
	return write_two(TRACEFS "events/sched/sched_process_fork/enable", "1", "0");
}

/* In an instance: switching tracers empties the trace that is counted. */
static int operate_function_tracer(void)
{
	int err = has_function("function_trace_call") ? 0 : ENOENT;

	/* Making and removing an instance leaves memory to be purged. */
	if (err)
		return err;
	if (mkdir(INSTANCE, 0700) && errno != EEXIST)
		return errno;
	err = write_two(INSTANCE "/current_tracer", "function", "nop");
	rmdir(INSTANCE);
	return err;
}

static int operate_static_key(void)
{
	return write_two(SYSCTL "kernel/sched_schedstats", "1", "0");
}

static int operate_sysctl(void)
{
	return write_two(SYSCTL "kernel/bpf_stats_enabled", "1", "0");
}

static int operate_compaction(void)
{
	return write_word(SYSCTL "vm/compact_memory", "1");
}

static int operate_drop_caches(void)
{
	return write_word(SYSCTL "vm/drop_caches", "3");
}

int operate_attributes(void)
{
	int err = oracle_command(ORACLE_PROTECT, (void *)ORACLE_READ_ONLY);

	return err ? err : oracle_command(ORACLE_PROTECT, (void *)ORACLE_WRITABLE);
}

static int operate_direct_map(void)
{
	return oracle_command(ORACLE_PROTECT_DIRECT, NULL);
}

static int operate_memory_type(void)
{
	return oracle_command(ORACLE_SET_UC, NULL);
}

/* Nothing is left to unmap after the first one. */
static int operate_aliases(void)
{
	oracle_request(ORACLE_UNMAP_ALIASES);
	return 0;
}

static int operate_vunmap(void)
{
	return oracle_command(ORACLE_CHURN, NULL);
}

static int operate_percpu(void)
{
	return oracle_command(ORACLE_PERCPU, NULL);
}

static int operate_huge(void)
{
	int err = oracle_command(ORACLE_MAP_HUGE, NULL);

	oracle_command(ORACLE_UNMAP_HUGE, NULL);
	return err == EAGAIN ? 0 : err;
}

void *small_pages_map(void)
{
	char *p = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *start;
	unsigned long i, before;

	if (p == MAP_FAILED)
		return NULL;
	start = (char *)(((unsigned long)p + HUGE_PAGE - 1) & -HUGE_PAGE);
	before = start - p;
	if (before)
		munmap(p, before);
	munmap(start + HUGE_PAGE, HUGE_PAGE - before);
	madvise(start, HUGE_PAGE, MADV_NOHUGEPAGE);
	for (i = 0; i < HUGE_PAGE; i += 4096)
		start[i] = 1;
	madvise(start, HUGE_PAGE, MADV_HUGEPAGE);
	return start;
}

int small_pages_collapse(void *start)
{
	return madvise(start, HUGE_PAGE, MADV_COLLAPSE) ? errno : 0;
}

void small_pages_unmap(void *start)
{
	munmap(start, HUGE_PAGE);
}

static int operate_collapse(void)
{
	void *start = small_pages_map();
	int err;

	if (!start)
		return errno;
	err = small_pages_collapse(start);
	small_pages_unmap(start);
	return err;
}

int module_load(void)
{
	int fd = open(MODULE, O_RDONLY);
	int err = fd < 0 || syscall(SYS_finit_module, fd, "", 0) ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

unsigned long long module_address(void)
{
	FILE *f = open_or_skip("/proc/modules");
	unsigned long long address = 0;
	char line[512], name[64];

	while (!address && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %*s %*s %*s %*s %llx", name, &address) != 2 ||
		    strcmp(name, MODULE_NAME))
			address = 0;
	fclose(f);
	return address;
}

int module_unload(void)
{
	return syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK) ? errno : 0;
}

int operate_module(void)
{
	int err = module_load();

	return err ? err : module_unload();
}

static int load_bpf(void)
{
	struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SYSCALL, .prog_flags = BPF_F_SLEEPABLE,
		.insns = (unsigned long)insns, .insn_cnt = 2, .license = (unsigned long)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

int operate_bpf(void)
{
	int fd = load_bpf();

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Call @work, which cannot be undone, in a child; returns its exit status. */
static int in_child(int (*work)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(work ? work() : 0);
	if (pid < 0)
		return errno;
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

int operate_fork(void)
{
	return in_child(NULL);
}

static int install_filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? errno : 0;
}

static int operate_seccomp(void)
{
	return in_child(install_filter);
}

static int operate_socket_filter(void)
{
	struct sock_filter accept = BPF_STMT(BPF_RET | BPF_K, 0xffff);
	struct sock_fprog program = { .len = 1, .filter = &accept };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK), err = 0, unused = 0;

	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ||
	    setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)))
		err = errno;
	close(fd);
	return err;
}

/* Open a software event of a CPU, keep it for @us microseconds. */
static int count_event(struct perf_event_attr *attr, int cpu, useconds_t us)
{
	int fd;

	attr->type = PERF_TYPE_SOFTWARE;
	attr->size = sizeof(*attr);
	attr->config = PERF_COUNT_SW_CONTEXT_SWITCHES;
	fd = syscall(SYS_perf_event_open, attr, -1, cpu, -1, 0);
	if (fd < 0)
		return errno;
	usleep(us);
	close(fd);
	return 0;
}

static int operate_perf(void)
{
	struct perf_event_attr attr = { 0 };

	return count_event(&attr, sched_getcpu(), 0);
}

/* Events with a frequency need the tick, of every CPU. */
static int operate_sampling(void)
{
	struct perf_event_attr attr = { .freq = 1, .sample_freq = 99 };

	return count_event(&attr, sched_getcpu(), 50000);
}

static int operate_isolated_counter(void)
{
	struct perf_event_attr attr = { 0 };
	cpu_set_t isolated;
	int cpu;

	read_cpu_list(NOHZ_FULL, &isolated);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &isolated))
			break;
	return count_event(&attr, cpu, 0);
}

static int operate_event_filter(void)
{
	return write_two(FORK_EVENT "filter", "parent_pid==1", "0");
}

/* The condition is never true. */
static int operate_event_trigger(void)
{
	return write_two(FORK_EVENT "trigger", "traceon if parent_pid==-1", "!traceon");
}

static int operate_check_interval(void)
{
	return write_two(MACHINE_CHECK "check_interval", "0", "300");
}

static int operate_ignore_ce(void)
{
	return write_two(MACHINE_CHECK "ignore_ce", "1", "0");
}

static int operate_stat_refresh(void)
{
	return write_word(SYSCTL "vm/stat_refresh", "1");
}

static int operate_overcommit(void)
{
	return write_two(SYSCTL "vm/overcommit_memory", "2", "0");
}

/* Of the housekeeping CPUs the last that is not the caller's */
static int operate_offline(void)
{
	cpu_set_t isolated, online;
	char path[64];
	int cpu;

	read_cpu_list(NOHZ_FULL, &isolated);
	read_cpu_list(ONLINE_CPUS, &online);
	for (cpu = CPU_SETSIZE - 1; cpu > 0; cpu--)
		if (CPU_ISSET(cpu, &online) && !CPU_ISSET(cpu, &isolated) && cpu != sched_getcpu())
			break;
	snprintf(path, sizeof(path), CPU_ONLINE, cpu);
	return cpu ? write_two(path, "0", "1") : ENODEV;
}

/* Selects another clock source, and the one that was selected. */
static int operate_clocksource(void)
{
	char before[32], name[32] = "";
	FILE *file = fopen(CLOCKSOURCE "current_clocksource", "r");
	int err = 0;

	if (!file)
		return errno;
	if (fscanf(file, "%31s", before) != 1)
		err = EIO;
	fclose(file);
	file = err ? NULL : fopen(CLOCKSOURCE "available_clocksource", "r");
	if (!file)
		return err ? err : errno;
	do {
		if (fscanf(file, "%31s", name) != 1)
			err = ENODEV;
	} while (!err && !strcmp(name, before));
	fclose(file);
	return err ? err : write_two(CLOCKSOURCE "current_clocksource", name, before);
}

/* Unmounting waits for an expedited grace period. */
static int operate_mount(void)
{
	int err;

	if (mkdir(MOUNT_POINT, 0700) && errno != EEXIST)
		return errno;
	err = mount("none", MOUNT_POINT, "ramfs", 0, "") ? errno : 0;
	if (!err && umount(MOUNT_POINT))
		err = errno;
	rmdir(MOUNT_POINT);
	return err;
}

/* Makes every CPU reprogram its timers. */
static int operate_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return clock_settime(CLOCK_REALTIME, &now) ? errno : 0;
}

/* Emulators have no frequency driver; real machines do. */
static int operate_frequency(void)
{
	return write_two(CPUFREQ "scaling_governor", "powersave", "performance");
}

/* For comparison: interrupts that arrive as time passes. */
static int operate_nothing(void)
{
	usleep(10000);
	return 0;
}

const struct operation operations[] = {
	{ "nothing", operate_nothing, QUIET },
	{ "fork and exit", operate_fork, QUIET },
	{ "vmap and vunmap", operate_vunmap, DEFERRABLE,
	  .call = "do_kernel_range_flush", .or_call = "do_flush_tlb_all",
	  .our_call = "coalesce_tlbi_flush_range", .or_our_call = "coalesce_tlbi_flush_all" },
	{ "module", operate_module, DEFERRABLE },
	{ "bpf", operate_bpf, QUIET },
	{ "seccomp filter", operate_seccomp, QUIET },
	{ "tracepoint", operate_tracepoint, DEFERRABLE,
	  .call = "do_sync_core", .our_call = "coalesce_tlbi_sync_core" },
	{ "static key", operate_static_key, DEFERRABLE,
	  .call = "do_sync_core", .our_call = "coalesce_tlbi_sync_core" },
	{ "sysctl key", operate_sysctl, QUIET },
	{ "kprobe", operate_kprobe, DEFERRABLE,
	  .call = "do_sync_core", .our_call = "coalesce_tlbi_sync_core" },
	{ "collapse", operate_collapse, QUIET,
	  .call = "tlb_remove_table_smp_sync", .our_call = "coalesce_tlbi_smp_mb" },
	{ "page attributes", operate_attributes, DEFERRABLE,
	  .call = "do_flush_tlb_all", .our_call = "coalesce_tlbi_flush_all" },
	{ "direct map", operate_direct_map, DEFERRABLE,
	  .call = "__cpa_flush_tlb", .our_call = "coalesce_tlbi_flush_range" },
	{ "per-CPU memory", operate_percpu, DEFERRABLE },
	{ "perf event", operate_perf, QUIET },
	{ "function tracer", operate_function_tracer, IN_KERNEL, .slow = true,
	  .call = "ftrace_sync_ipi", .our_call = "coalesce_tlbi_smp_mb" },
	{ "memory type", operate_memory_type, FORCED },
	{ "no aliases", operate_aliases, FORCED },
	{ "huge vmalloc mapping", operate_huge, OTHER },
	{ "compaction", operate_compaction, OTHER },
	{ "drop caches", operate_drop_caches, OTHER },
	{ "mount", operate_mount, OTHER },
	{ "clock set", operate_clock, OTHER },
	{ "CPU frequency", operate_frequency, OTHER },
	{ "socket filter", operate_socket_filter, OTHER },
	{ "event filter", operate_event_filter, OTHER },
	{ "event trigger", operate_event_trigger, OTHER },
	{ "sampling perf event", operate_sampling, OTHER, .slow = true },
	{ "isolated counter", operate_isolated_counter, OTHER },
	{ "check_interval", operate_check_interval, OTHER },
	{ "ignore_ce", operate_ignore_ce, OTHER },
	{ "stat_refresh", operate_stat_refresh, OTHER },
	{ "overcommit_memory", operate_overcommit, OTHER },
	{ "clock source", operate_clocksource, OTHER, .slow = true },
	{ "CPU offline", operate_offline, OTHER, .slow = true },
};

const int n_operations = ARRAY_SIZE(operations);

void operations_start(void)
{
	load_bpf();
}
