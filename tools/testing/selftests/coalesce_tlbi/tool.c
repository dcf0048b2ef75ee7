// SPDX-License-Identifier: GPL-2.0
/*
 * Check that coalesce-tlbi(1) reports what the kernel does: its status against the
 * kernel's debugfs file, and its recording of a task that requests flushes, both in a
 * mode that defers the IPIs and in one that sends them.  The control is a recording
 * of a task that requests no flushes.  Check also that the tool leaves nothing behind in
 * the kernel, and that it reports the IPIs that it causes itself.
 *
 * An IPI to a target that is in the kernel for another reason is legal: a recording
 * with one is repeated, at most MAX_REPEATS times.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "counts.h"

#define TOOL		"coalesce-tlbi"
#define RECORDING	"/tmp/coalesce-tlbi.rec"
#define EVENTS		"/sys/kernel/tracing/events/sched/"
#define INSTANCES	"/sys/kernel/tracing/instances/"
#define DRAINS		20
#define FIRST_NAME	"tool"
#define SECOND_NAME	"renamed"
#define MAX_REPEATS	20
#define TOOL_MISSING	1
#define TOOL_NOT_THERE	127

static char self[256];
static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;

/* Number of events in the tool's trace buffers that it has not read yet */
static unsigned long unread(void)
{
	unsigned long n, sum = 0;
	char line[128];
	glob_t files;
	size_t i;
	FILE *f;

	if (glob("/sys/kernel/tracing/instances/coalesce-tlbi-*/per_cpu/cpu*/stats", 0, NULL,
		 &files))
		return 0;
	for (i = 0; i < files.gl_pathc; i++) {
		f = fopen(files.gl_pathv[i], "r");
		if (!f)
			continue;
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "entries: %lu", &n) == 1)
				sum += n;
		fclose(f);
	}
	globfree(&files);
	return sum;
}

/*
 * Flush under the first name until the tool has read the events and the name; then
 * take the second name.  Twice, since the kernel may record the name with a delay.
 */
static int rename_when_known(int fd)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (ioctl(fd, ORACLE_DRAIN, NULL) || ioctl(fd, ORACLE_DRAIN, NULL))
			return 1;
		while (unread())
			sched_yield();
	}
	return prctl(PR_SET_NAME, SECOND_NAME);
}

/* The task that is recorded: flushes, or the same number of other system calls */
static int request(const char *what)
{
	int fd = open("/dev/" ORACLE_DEVICE, O_RDWR | O_CLOEXEC), i;

	if (fd < 0)
		return 1;
	if (!strcmp(what, "rename") && rename_when_known(fd))
		return 1;
	for (i = 0; i < DRAINS; i++) {
		if (!strcmp(what, "nothing"))
			getppid();
		else if (ioctl(fd, ORACLE_DRAIN, NULL))
			return 1;
	}
	return 0;
}

/* Run a program and fill @out with its output and error messages. */
static int run(char *out, size_t size, char * const *argv)
{
	int channel[2], status;
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(channel))
		ksft_exit_fail_msg("pipe: %s\n", strerror(errno));
	pid = fork();
	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (!pid) {
		dup2(channel[1], 1);
		dup2(channel[1], 2);
		close(channel[0]);
		close(channel[1]);
		execvp(argv[0], argv);
		_exit(TOOL_NOT_THERE);
	}
	close(channel[1]);
	while ((n = read(channel[0], out + used, size - 1 - used)) > 0)
		used += n;
	out[used] = 0;
	close(channel[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void print_lines(const char *text)
{
	size_t length;

	for (; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		ksft_print_msg("%.*s\n", (int)length, text);
	}
}

/* The line that status prints in @mode */
static void feature_line(const char *mode, char *line, size_t size)
{
	if (!strcmp(mode, "none"))
		snprintf(line, size, "off: this kernel is without the option");
	else if (!strcmp(mode, "off"))
		snprintf(line, size, "off: booted with coalesce_tlbi=off");
	else if (n_cpus == 1)
		snprintf(line, size, "%s: deferred while CPUs %d run user mode\n", mode,
			 cpus[0].cpu);
	else
		snprintf(line, size, "%s: deferred while CPUs %d-%d run user mode\n", mode,
			 cpus[0].cpu, cpus[n_cpus - 1].cpu);
}

static void test_status(void)
{
	static const char * const modes[] = { "none", "off", "pending", "always" };
	char * const argv[] = { TOOL, "status", NULL };
	char line[128], said[16384];
	int status, others = 0;
	unsigned int i;
	bool found;

	status = run(said, sizeof(said), argv);
	if (status == TOOL_NOT_THERE)
		ksft_exit_skip(TOOL " is not installed\n");
	print_lines(said);
	feature_line(coalesce_mode(), line, sizeof(line));
	found = strstr(said, line);
	ksft_test_result(found, "status: mode and CPUs match the kernel's\n");

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		feature_line(modes[i], line, sizeof(line));
		others += strcmp(modes[i], coalesce_mode()) && strstr(said, line);
	}
	ksft_test_result(!others, "control: status: no other mode's line\n");
	ksft_test_result(coalesce_defers() || status == TOOL_MISSING,
			 "status: the exit status is 1 if it is off\n");
}

/* Deferrable calls that were sent, and deferred IPIs, of one task */
struct found {
	unsigned long calls;
	unsigned long deferred;
	bool purge;
	/* Of the tool: before and after the command, and text patching meanwhile */
	unsigned long own_calls;
	unsigned long own_deferred;
	bool patches;
};

static void look_for(const char *said, const char *task, struct found *found)
{
	static const char own[] = "own, before and after the command: at most CAL ";
	char function[64], name[64];
	const char *line = said;
	unsigned long n;

	memset(found, 0, sizeof(*found));
	for (; line; line = strchr(line, '\n'), line += !!line) {
		if (sscanf(line, "%lu call %63s %63[^:]", &n, function, name) == 3 &&
		    is_deferrable(function) && !strcmp(name, task))
			found->calls += n;
		else if (sscanf(line, "%lu deferred %63s %63[^:]", &n, function, name) == 3 &&
			 !strcmp(name, task))
			found->deferred += n;
	}
	found->purge = strstr(said, "__purge_vmap_area_lazy");
	found->patches = strstr(said, "text_poke");
	line = strstr(said, own);
	if (line)
		sscanf(line + strlen(own), "%lu, %lu", &found->own_calls, &found->own_deferred);
}

/*
 * Record this program with argument @what, and fill @found with the reported IPIs to
 * @cpu that the task @name initiated.
 */
static int record(char *what, int cpu, const char *name, struct found *found)
{
	char list[16], said[65536];
	char * const record[] = {
		TOOL, "record", "-o", RECORDING, "-C", list, "--", self, what, NULL
	};
	char * const report[] = { TOOL, "report", RECORDING, NULL };
	int status;

	snprintf(list, sizeof(list), "%d", cpu);
	status = run(said, sizeof(said), record);
	if (status) {
		print_lines(said);
		return status;
	}
	status = run(said, sizeof(said), report);
	look_for(said, name, found);
	if (status || !strcmp(what, "nothing") || !found->calls == !coalesce_defers())
		print_lines(said);
	return status;
}

static bool as_expected(const struct found *found)
{
	if (coalesce_defers())
		return found->deferred == DRAINS && !found->calls;
	return found->calls == DRAINS && !found->deferred;
}

static void test_record(int cpu)
{
	struct found found = { 0 };
	bool adds_up = true;
	int status = 0, i;

	for (i = 0; i < MAX_REPEATS; i++) {
		status = record("drain", cpu, FIRST_NAME, &found);
		adds_up = adds_up && found.calls + found.deferred == DRAINS;
		if (status || as_expected(&found))
			break;
	}
	ksft_print_msg("CPU %d: %d flushes: %lu sent, %lu deferred, %d repeats\n", cpu,
		       DRAINS, found.calls, found.deferred, i);
	ksft_test_result(!status && adds_up, "record: CPU %d: each flush is reported once\n", cpu);
	ksft_test_result(!status && as_expected(&found), "record: CPU %d: %s\n", cpu,
			 coalesce_defers() ? "every IPI is deferred" : "every IPI is sent");
	ksft_test_result(!status && found.purge,
			 "record: CPU %d: the stack has the purge\n", cpu);

	status = record("rename", cpu, SECOND_NAME, &found);
	/* More than DRAINS if an earlier event waited for its stack */
	ksft_test_result(!status && found.calls + found.deferred >= DRAINS,
			 "record: CPU %d: a task is reported by its present name\n", cpu);

	status = record("nothing", cpu, FIRST_NAME, &found);
	ksft_test_result(!status && !found.calls && !found.deferred && !found.purge,
			 "control: record: CPU %d: a task without flushes is not reported\n", cpu);
}

static bool has_events(void)
{
	return !access("/sys/kernel/tracing/events/csd/csd_queue_cpu", F_OK);
}

/* A kernel without the events: one line, and its exit status */
static void test_without_events(void)
{
	char * const argv[] = { TOOL, "record", "-o", RECORDING, "--", self, "nothing", NULL };
	char said[4096];
	int status = run(said, sizeof(said), argv);

	print_lines(said);
	ksft_test_result(status == 125 && strstr(said, "no trace event csd:csd_queue_cpu") &&
			 strchr(said, '\n') == said + strlen(said) - 1 &&
			 access(RECORDING, F_OK),
			 "record: a kernel without the events is reported, and no file is left\n");
}

/* A command that does not exist leaves an older file of that name. */
static void test_keeps(void)
{
	char * const argv[] = { TOOL, "record", "-o", RECORDING, "--", "/nonexistent", NULL };
	char said[4096], line[16] = "";
	FILE *f = fopen(RECORDING, "w");
	int status;

	if (!f || fputs("kept", f) < 0 || fclose(f))
		ksft_exit_fail_msg("%s: %s\n", RECORDING, strerror(errno));
	status = run(said, sizeof(said), argv);
	f = fopen(RECORDING, "r");
	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	print_lines(said);
	ksft_test_result(status == (has_events() ? 127 : 125) && !strcmp(line, "kept"),
			 "record: an older file stays if the command cannot be run\n");
	unlink(RECORDING);
}

static void test_watch(void)
{
	char * const argv[] = { TOOL, "watch", "-n", "1", "-i", "0.2", "-j", NULL };
	char said[16384], cpu[32];
	int status, i;
	bool all = true;

	status = run(said, sizeof(said), argv);
	print_lines(said);
	for (i = 0; i < n_cpus; i++) {
		snprintf(cpu, sizeof(cpu), "{\"cpu\": %d,", cpus[i].cpu);
		all = all && strstr(said, cpu);
	}
	ksft_test_result(!status && all && !strstr(said, "{\"cpu\": 0,"),
			 "watch: the isolated CPUs and no others\n");
	ksft_test_result(!!strstr(said, "\"initiators\": [") == has_events(),
			 "watch: initiators if the kernel has the events\n");
}

static void write_filter(const char *event, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), EVENTS "%s/filter", event);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
}

/*
 * IPIs to @cpu when a filter is set and cleared.  When the last filter is cleared, the
 * kernel frees the buffer for filtered events, which interrupts each CPU twice.  None
 * if a reference of the buffer is held or was leaked.
 */
static unsigned long filter_ipis(int cpu)
{
	unsigned long n;

	flushes_start();
	write_filter("sched_process_fork", "parent_pid==1");
	write_filter("sched_process_fork", "0");
	n = callbacks_received(cpu, "disable_trace_buffered_event") +
	    callbacks_received(cpu, "enable_trace_buffered_event");
	flushes_stop();
	return n;
}

static int n_instances(void)
{
	glob_t files;
	int n;

	if (glob(INSTANCES "coalesce-tlbi-*", 0, NULL, &files))
		return 0;
	n = files.gl_pathc;
	globfree(&files);
	return n;
}

/* Run watch until it has a tracing instance, end it by @number, and remove the instance. */
static bool end_watch(int number)
{
	char * const argv[] = { TOOL, "watch", "-i", "100", NULL };
	char path[128];
	pid_t pid = fork();
	int status, left;

	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (!pid) {
		execvp(argv[0], argv);
		_exit(TOOL_NOT_THERE);
	}
	while (!n_instances() && !waitpid(pid, &status, WNOHANG))
		sched_yield();
	kill(pid, number);
	waitpid(pid, &status, 0);
	left = n_instances();
	snprintf(path, sizeof(path), INSTANCES "coalesce-tlbi-%d", (int)pid);
	return left == (number == SIGKILL) && (!left || !rmdir(path));
}

/* After everything above, and after ends that the tool cannot handle */
static void test_leaves_nothing(int cpu, unsigned long before)
{
	unsigned long held;

	ksft_test_result(!n_instances() && before == 2 && filter_ipis(cpu) == before,
			 "the tool leaves no instance and no reference of a filter\n");
	ksft_test_result(end_watch(SIGTERM) && filter_ipis(cpu) == before,
			 "watch: nor does it when a signal ends it\n");
	ksft_test_result(end_watch(SIGKILL) && filter_ipis(cpu) == before,
			 "watch: nor when it is killed and its instance removed\n");
	write_filter("sched_switch", "prev_pid==1");
	held = filter_ipis(cpu);
	write_filter("sched_switch", "0");
	ksft_test_result(!held && filter_ipis(cpu) == before,
			 "control: a reference that is held is seen\n");
}

/*
 * Enabling the events patches kernel text, which initiates IPIs.  The report has them as
 * the tool's own, and not as the command's.  Other function calls of that time, such as
 * the fair server's, are counted with those that were sent, but not as many again.
 */
static void test_own(int cpu)
{
	struct found found = { 0 };
	struct counts before, after;
	unsigned long own, seen;
	int status;

	flushes_start();
	counts_read(cpu, &before);
	status = record("nothing", cpu, FIRST_NAME, &found);
	counts_read(cpu, &after);
	seen = callbacks_received(cpu, "do_sync_core");
	flushes_stop();
	if (coalesce_defers())
		seen = after.deferred - before.deferred;
	own = coalesce_defers() ? found.own_deferred : found.own_calls;
	ksft_print_msg("CPU %d: the tool's own IPIs: %lu reported, %lu counted\n", cpu, own, seen);
	ksft_test_result(!status && seen && own >= seen &&
			 own < (coalesce_defers() ? seen + 1 : 2 * seen),
			 "record: CPU %d: the tool's own IPIs are reported\n", cpu);
	ksft_test_result(!status && !found.patches,
			 "record: CPU %d: they are not among the command's\n", cpu);
}

int main(int argc, char **argv)
{
	unsigned long before;
	ssize_t length;
	int i;

	if (argc == 2)
		return request(argv[1]);
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length < 0)
		ksft_exit_fail_msg("/proc/self/exe: %s\n", strerror(errno));
	ksft_print_header();
	n_cpus = isolated_start(cpus);
	ksft_set_plan(has_events() ? 10 + 7 * n_cpus : 7);
	before = has_events() ? filter_ipis(cpus[0].cpu) : 0;
	test_status();
	test_keeps();
	test_watch();
	for (i = 0; has_events() && i < n_cpus; i++) {
		test_record(cpus[i].cpu);
		test_own(cpus[i].cpu);
	}
	if (has_events())
		test_leaves_nothing(cpus[0].cpu, before);
	else
		test_without_events();
	isolated_stop(cpus, n_cpus);
	ksft_finished();
}
