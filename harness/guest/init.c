// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test guest: runs the tests listed in /tests, one per line as
 * "NAME COMMAND [ARGUMENT...]", and writes KTAP to the second serial port.  The
 * kernel log is checked after every test: any complaint in it fails that test, and
 * the log as a whole counts as a test itself.  The verdict line comes last, so a
 * result file without it is incomplete.
 *
 * Commands that begin with '@' are built in: "@results FILE" copies results that
 * the kernel keeps (KUnit), "@modules FILE..." loads modules that test something
 * as they are loaded, "@oopses COMMAND..." runs a command that has to leave an oops
 * in the log, "@shell" gives a shell on the console.  The others are faults, with which
 * the harness tests itself.
 *
 * RESULT_PORT= and TEST_MODULE= on the kernel's command line, which it hands on to
 * init, name another port and another module to begin with.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "log.h"

#define MAX_TESTS	64
#define MAX_ARGS	32
#define KSFT_SKIP	4

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static FILE *out;
static struct log kernel_log = { .path = "/dev/kmsg", .fd = -1 };

/* A harness that cannot run has no verdict to give; the host sees that. */
static void die(const char *what)
{
	fprintf(stderr, "init: %s: %s\n", what, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
}

static void mount_all(void)
{
	static const struct {
		const char *type, *dir;
	} fs[] = {
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "devtmpfs", "/dev" },
		{ "debugfs", "/sys/kernel/debug" },
		{ "tracefs", "/sys/kernel/tracing" },
		{ "tmpfs", "/tmp" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fs); i++) {
		mkdir(fs[i].dir, 0755);
		if (mount(fs[i].type, fs[i].dir, fs[i].type, 0, NULL) && errno != EBUSY)
			fprintf(stderr, "init: mount %s: %s\n", fs[i].dir, strerror(errno));
	}
}

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value ? value : otherwise;
}

/* The port as it is: no carriage return in front of a newline. */
static void open_results(void)
{
	const char *port = setting("RESULT_PORT", "/dev/ttyS1");
	struct termios tty;

	out = fopen(port, "w");
	if (!out || tcgetattr(fileno(out), &tty))
		die(port);
	cfmakeraw(&tty);
	if (tcsetattr(fileno(out), TCSANOW, &tty))
		die(port);
}

/* Returns 0, or the errno of what went wrong. */
static int load_module(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY), error = 0;

	if (fd < 0 || syscall(SYS_finit_module, fd, parameters, 0))
		error = errno;
	if (error)
		fprintf(out, "# %s: %s\n", path, strerror(error));
	if (fd >= 0)
		close(fd);
	return error;
}

/*
 * Load each module with the NAME=VALUE words behind it.  One that refuses to stay
 * with EAGAIN has done what it is for.
 */
static int modules(char **words)
{
	char parameters[256];
	const char *path;
	size_t used;
	int error;

	while (*words) {
		path = *words++;
		parameters[0] = 0;
		used = 0;
		for (; *words && strchr(*words, '=') && used < sizeof(parameters); words++)
			used += snprintf(parameters + used, sizeof(parameters) - used,
					 "%s ", *words);
		error = load_module(path, parameters);
		if (error && error != EAGAIN)
			return 1;
	}
	return 0;
}

static int say(const char *line)
{
	FILE *kmsg = fopen("/dev/kmsg", "w");

	if (!kmsg)
		return 1;
	fprintf(kmsg, "%s\n", line);
	return fclose(kmsg) ? 1 : 0;
}

static int warn_at(const char *where)
{
	char line[128];

	snprintf(line, sizeof(line), "WARNING: CPU: 0 PID: 1 at %s", where);
	return say(line);
}

static void forget_log(const char *path)
{
	close(kernel_log.fd);
	kernel_log = (struct log) { .path = path, .fd = -1 };
}

/* More than its buffer holds, for a reader that comes after that. */
static int fill_log(void)
{
	FILE *limit = fopen("/proc/sys/kernel/printk_devkmsg", "w");
	char line[900] = "<7>";
	int i;

	if (!limit || fputs("on\n", limit) < 0 || fclose(limit))
		return 1;
	memset(line + 3, 'x', sizeof(line) - 4);
	for (i = 0; i < 1024; i++)
		if (say(line))
			return 1;
	forget_log("/dev/kmsg");
	return 0;
}

/*
 * Tests of the harness: each breaks the run in one way, @pass and @late do not.  @late
 * is the tick that is excused; those after it are what must not be with it.
 */
static int fault(const char *name)
{
	if (!strcmp(name, "@pass"))
		return 0;
	if (!strcmp(name, "@fail"))
		return 1;
	if (!strcmp(name, "@panic"))
		exit(1);
	if (!strcmp(name, "@hang"))
		for (;;)
			pause();
	if (!strcmp(name, "@splat"))
		return warn_at("harness test");
	if (!strcmp(name, "@late"))
		return warn_at("kernel/sched/core.c:1 sched_tick_remote+0x1/0x2") ||
		       say("Call Trace:");
	if (!strcmp(name, "@late-splat"))
		return fault("@late") || say("Call Trace:");
	if (!strcmp(name, "@late-traceless"))
		return warn_at("kernel/sched/core.c:1 sched_tick_remote+0x1/0x2") ||
		       say("---[ end trace 0000000000000000 ]---") || say("Call Trace:");
	if (!strcmp(name, "@not-late"))
		return warn_at("kernel/sched/core.c:1 sched_tick+0x1/0x2");
	if (!strcmp(name, "@nolog")) {
		forget_log("/nonexistent");
		return 0;
	}
	if (!strcmp(name, "@wrapped"))
		return fill_log();
	return 127;
}

/* Copy a file of results; fails if there is none or a "not ok" is in it. */
static int results(const char *path)
{
	FILE *f = path ? fopen(path, "r") : NULL;
	bool ok = false;
	char line[1024];

	if (!f) {
		fprintf(out, "  # %s: %s\n", path ? path : "(no file)", strerror(errno));
		return 1;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		fprintf(out, "  %s\n", line);
		if (strstr(line, "not ok "))
			return 1;
		ok = ok || strstr(line, "ok ");
	}
	fclose(f);
	return !ok;
}

/* An interactive shell: its output is not recorded and gives no result. */
static int shell(void)
{
	pid_t pid = fork();
	int fd, status;

	if (pid < 0)
		die("fork");
	if (!pid) {
		setsid();
		fd = open("/dev/ttyS0", O_RDWR);
		ioctl(fd, TIOCSCTTY, 0);
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		setenv("PATH", "/bin", 1);
		execl("/bin/busybox", "sh", "-i", NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return 0;
}

/* Run a command; its output goes to the result port, indented as a subtest. */
static int run(char **argv)
{
	char line[1024];
	int pipefd[2], status;
	FILE *child;
	pid_t pid;

	if (!strcmp(argv[0], "@results"))
		return results(argv[1]);
	if (!strcmp(argv[0], "@modules"))
		return modules(argv + 1);
	if (!strcmp(argv[0], "@shell"))
		return shell();
	if (argv[0][0] == '@')
		return fault(argv[0]);
	if (pipe(pipefd))
		die("pipe");

	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		dup2(pipefd[1], 1);
		dup2(pipefd[1], 2);
		close(pipefd[0]);
		close(pipefd[1]);
		execv(argv[0], argv);
		printf("# %s: %s\n", argv[0], strerror(errno));
		fflush(stdout);
		_exit(127);
	}
	close(pipefd[1]);
	child = fdopen(pipefd[0], "r");
	while (fgets(line, sizeof(line), child)) {
		line[strcspn(line, "\n")] = 0;
		fprintf(out, "  %s\n", line);
		fflush(out);
	}
	fclose(child);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int split(char *line, char **argv)
{
	int n = 0;
	char *save, *word = strtok_r(line, "\n ", &save);

	for (; word && n < MAX_ARGS - 1; word = strtok_r(NULL, "\n ", &save))
		argv[n++] = word;
	argv[n] = NULL;
	return n;
}

static void report(bool ok, int number, const char *name, const char *why)
{
	fprintf(out, "%s %d %s%s\n", ok ? "ok" : "not ok", number, name, why);
	fflush(out);
}

/* Run one line of the list; *@bad becomes what the log has to say over all. */
static void test(char *line, int number, int *bad)
{
	char *argv[MAX_ARGS], why[64] = "";
	int status, splats, oopses = 0, oops_wanted, words = split(line, argv);

	oops_wanted = words > 2 && !strcmp(argv[1], "@oopses");
	if (words < 2) {
		report(false, number, line, " # no command");
		return;
	}
	fprintf(out, "  # Subtest: %s\n", argv[0]);
	fflush(out);
	status = run(argv + 1 + oops_wanted);

	splats = log_check(&kernel_log, out, &oopses);
	if (oops_wanted && status != KSFT_SKIP)
		splats = splats < 0 || oopses != 1;
	if (splats)
		*bad = splats < 0 || *bad < 0 ? -1 : *bad + splats;

	if (status == KSFT_SKIP)
		snprintf(why, sizeof(why), " # SKIP");
	else if (status)
		snprintf(why, sizeof(why), " # exit status %d", status);
	else if (splats)
		snprintf(why, sizeof(why), " # kernel log");
	report((!status && !splats) || status == KSFT_SKIP, number, argv[0], why);
}

int main(void)
{
	static char lines[MAX_TESTS][512];
	int n = 0, i, bad, oopses = 0;
	FILE *tests;

	mount_all();
	open_results();
	fprintf(out, "KTAP version 1\n");
	fflush(out);
	tests = fopen("/tests", "r");
	if (!tests)
		die("/tests");
	while (n < MAX_TESTS && fgets(lines[n], sizeof(lines[n]), tests))
		if (!isspace(lines[n][0]))
			n++;
	fclose(tests);

	fprintf(out, "1..%d\n", n + 2);
	/* The kernel half of the tests.  Without it every test would be skipped. */
	report(!load_module(setting("TEST_MODULE", "/coalesce_tlbi_oracle.ko"), ""), 1,
	       "test-module", "");
	bad = log_check(&kernel_log, out, &oopses);
	for (i = 0; i < n; i++)
		test(lines[i], i + 2, &bad);

	if (!kernel_log.records)
		bad = -1;
	report(!bad, n + 2, "kernel-log", bad < 0 ? " # not read" : "");
	fprintf(out, "# verdict: complete\n");
	fclose(out);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
