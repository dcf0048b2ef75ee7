// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test guest: runs the tests listed in /tests, one per line as
 * "NAME COMMAND [ARGUMENT...]", and writes KTAP to the second serial port.  The
 * kernel log is checked after the last test and counts as a test itself; the
 * verdict line comes after that, so a result without it is no result.
 *
 * Commands that begin with '@' are built in: "@results FILE" copies results that
 * the kernel keeps (KUnit), the others are faults, by which the harness tests
 * itself.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define RESULT_PORT	"/dev/ttyS1"
#define MAX_TESTS	64
#define MAX_ARGS	32
#define KSFT_SKIP	4

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static FILE *out;
static const char *log_path = "/dev/kmsg";

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

/* The port as it is: no carriage return in front of a newline. */
static void open_results(void)
{
	struct termios tty;

	out = fopen(RESULT_PORT, "w");
	if (!out || tcgetattr(fileno(out), &tty))
		die(RESULT_PORT);
	cfmakeraw(&tty);
	if (tcsetattr(fileno(out), TCSANOW, &tty))
		die(RESULT_PORT);
}

/* The kernel half of the tests.  Without it they would skip, and say nothing. */
static bool load_module(const char *path)
{
	int fd = open(path, O_RDONLY);
	bool ok = fd >= 0 && !syscall(SYS_finit_module, fd, "", 0);

	if (!ok)
		fprintf(out, "# %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Tests of the harness: each breaks the run in one way. */
static int fault(const char *name)
{
	FILE *kmsg;

	if (!strcmp(name, "@pass"))
		return 0;
	if (!strcmp(name, "@fail"))
		return 1;
	if (!strcmp(name, "@panic"))
		exit(1);
	if (!strcmp(name, "@hang"))
		for (;;)
			pause();
	if (!strcmp(name, "@splat")) {
		kmsg = fopen("/dev/kmsg", "w");
		if (!kmsg)
			return 1;
		fprintf(kmsg, "WARNING: CPU: 0 PID: 1 at harness test\n");
		fclose(kmsg);
		return 0;
	}
	if (!strcmp(name, "@nolog")) {
		log_path = "/nonexistent";
		return 0;
	}
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

/* Run a command; its output goes to the result port, indented as a subtest. */
static int run(char **argv)
{
	char line[1024];
	int pipefd[2], status;
	FILE *child;
	pid_t pid;

	if (!strcmp(argv[0], "@results"))
		return results(argv[1]);
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

static bool is_splat(const char *line)
{
	static const char * const signs[] = {
		"BUG:", "WARNING:", "Oops:", "INFO: task", "INFO: rcu", "rcu: INFO",
		"KASAN", "UBSAN:", "possible recursive locking", "circular locking",
		"general protection fault", "Kernel panic", "soft lockup",
		"Call Trace:", "unregister_netdevice: waiting",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signs); i++)
		if (strstr(line, signs[i]))
			return true;
	return false;
}

/* Returns the number of suspicious records, -1 if the log cannot be read. */
static int check_log(void)
{
	char record[8192], *text;
	int fd = open(log_path, O_RDONLY | O_NONBLOCK);
	int records = 0, splats = 0;
	ssize_t n;

	if (fd < 0) {
		fprintf(out, "# %s: %s\n", log_path, strerror(errno));
		return -1;
	}
	for (;;) {
		n = read(fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			/* EPIPE: records were overwritten before we read them. */
			fprintf(out, "# kernel log: %s\n", strerror(errno));
			return -1;
		}
		record[n] = 0;
		records++;
		text = strchr(record, ';');
		if (text && is_splat(text + 1)) {
			fprintf(out, "# %.*s\n", (int)strcspn(text + 1, "\n"), text + 1);
			splats++;
		}
	}
	close(fd);
	return records ? splats : -1;
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

int main(void)
{
	static char lines[MAX_TESTS][512];
	char *argv[MAX_ARGS], why[64];
	int n = 0, i, status, splats;
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
	report(load_module("/coalesce_tlbi_oracle.ko"), 1, "test-module", "");
	for (i = 0; i < n; i++) {
		if (split(lines[i], argv) < 2) {
			report(false, i + 2, lines[i], " # no command");
			continue;
		}
		fprintf(out, "  # Subtest: %s\n", argv[0]);
		fflush(out);
		status = run(argv + 1);
		why[0] = 0;
		if (status == KSFT_SKIP)
			snprintf(why, sizeof(why), " # SKIP");
		else if (status)
			snprintf(why, sizeof(why), " # exit status %d", status);
		report(!status || status == KSFT_SKIP, i + 2, argv[0], why);
	}

	splats = check_log();
	report(!splats, n + 2, "kernel-log", splats < 0 ? " # not read" : "");
	fprintf(out, "# verdict: complete\n");
	fclose(out);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
