// SPDX-License-Identifier: GPL-2.0
/*
 * coalesce-tlbi record: who interrupts CPUs while a command runs.
 *
 * The recording is a text file that can be read and compared without this program:
 * each line is a word and fields, separated by tabs.  See coalesce-tlbi(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "counters.h"
#include "interrupts.h"
#include "kernel.h"
#include "options.h"
#include "record.h"
#include "tally.h"
#include "trace.h"

#define POLL_NS		100000000

/* Interrupts and deferred IPIs of all CPUs at one moment */
struct moment {
	struct interrupts irqs;
	struct counters counters;
};

struct recording {
	const char *path;
	char *partial;		/* the temporary file's name, or NULL */
	FILE *out;
	struct cpus cpus;
	bool stacks;
	sigset_t signals;	/* blocked: the command's end, and those that it is sent */
	sigset_t mask;		/* the command's */
	char **command;
	unsigned long long events;
};

static const char * const words[] = {
	[EVENT_CALL]	= RECORD_CALL,
	[EVENT_IPI]	= RECORD_IPI,
	[EVENT_DEFER]	= RECORD_DEFER,
};

/* A task can choose its name: no tab or newline in it may end a field or a line. */
static void put_field(FILE *out, const char *text)
{
	putc('\t', out);
	for (; *text; text++)
		putc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void moment_read(struct moment *moment)
{
	interrupts_read(&moment->irqs);
	counters_read(&moment->counters);
}

static void moment_free(struct moment *moment)
{
	interrupts_free(&moment->irqs);
	counters_free(&moment->counters);
}

static void write_event(const struct event *event, void *arg)
{
	struct recording *r = arg;

	fprintf(r->out, "%s%s\t%llu\t%d\t%d\t%d", event->own ? RECORD_OWN : "",
		words[event->kind], event->ns, event->target, event->initiator, event->pid);
	put_field(r->out, event->comm);
	put_field(r->out, event->callback);
	put_field(r->out, event->stack);
	putc('\n', r->out);
	r->events++;
}

static void write_header(struct recording *r, const struct kernel *kernel)
{
	char list[CPUS_TEXT], **word;

	fprintf(r->out, "%s\nkernel\t%s\nmode\t%s\ncpus\t%s\ncommand", RECORD_MAGIC,
		kernel->release, kernel->built == ANSWER_YES ? kernel->mode : "none",
		cpus_format(&r->cpus, list, sizeof(list)));
	for (word = r->command; *word; word++)
		put_field(r->out, *word);
	putc('\n', r->out);
}

/* The interrupts while the command ran */
static void write_rows(struct recording *r, const struct moment *start, const struct moment *end)
{
	const struct interrupts *before = &start->irqs, *after = &end->irqs;
	unsigned long long n;
	int cpu, i;

	for_each_cpu_in(cpu, &r->cpus) {
		for (i = 0; i < after->n_rows; i++) {
			n = interrupts_of(after, after->row[i].name, cpu) -
				interrupts_of(before, after->row[i].name, cpu);
			if (!n)
				continue;
			fprintf(r->out, "row\t%d\t%s\t%llu", cpu, after->row[i].name, n);
			put_field(r->out, after->row[i].what);
			putc('\n', r->out);
		}
	}
}

static unsigned long long calls(const struct moment *from, const struct moment *to, int cpu)
{
	return interrupts_of(&to->irqs, "CAL", cpu) - interrupts_of(&from->irqs, "CAL", cpu);
}

/* -1 if the kernel does not show a counter of @cpu */
static long long deferred(const struct moment *moment, int cpu)
{
	const struct cpu_counters *counters = counters_of(&moment->counters, cpu);

	return counters ? (long long)counters->deferred : -1;
}

/*
 * What the CPUs took while we enabled and disabled our events, which patches kernel
 * text: from @moment[0] to @moment[1], and from @moment[2] to @moment[3].
 */
static void write_setup(struct recording *r, const struct moment moment[4])
{
	int cpu;

	for_each_cpu_in(cpu, &r->cpus) {
		fprintf(r->out, RECORD_SETUP "\t%d\t%llu\t", cpu,
			calls(&moment[0], &moment[1], cpu) + calls(&moment[2], &moment[3], cpu));
		if (deferred(&moment[0], cpu) < 0)
			fputs("-\n", r->out);
		else
			fprintf(r->out, "%lld\n",
				deferred(&moment[1], cpu) - deferred(&moment[0], cpu) +
				deferred(&moment[3], cpu) - deferred(&moment[2], cpu));
	}
}

/* The child waits for a byte, and reports through @failed if exec fails. */
struct child {
	pid_t pid;
	int go;
	int failed;
};

static void run_child(const struct recording *r, int go, int failed)
{
	char byte;
	int err;

	if (read(go, &byte, 1) != 1)
		_exit(TOOL_RECORD);
	sigprocmask(SIG_SETMASK, &r->mask, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	execvp(r->command[0], r->command);
	err = errno;
	if (write(failed, &err, sizeof(err)) < 0)
		_exit(TOOL_RECORD);
	_exit(err == ENOENT ? 127 : 126);
}

static bool start_child(const struct recording *r, struct child *child)
{
	int go[2], failed[2];

	if (pipe2(go, O_CLOEXEC) || pipe2(failed, O_CLOEXEC))
		return false;
	child->pid = fork();
	if (child->pid < 0)
		return false;
	if (!child->pid) {
		close(go[1]);
		run_child(r, go[0], failed[1]);
	}
	close(go[0]);
	close(failed[1]);
	child->go = go[1];
	child->failed = failed[0];
	return true;
}

/*
 * Read events until the command ends, and forward signals to it.  Returns its status.
 * The command stays a zombie, so that it still has its name when its last events are
 * read.
 */
static int follow(struct recording *r, struct tracer *tracer, const struct child *child)
{
	static const struct timespec pause = { .tv_nsec = POLL_NS };
	siginfo_t end = { 0 };
	int signal;

	while (waitid(P_PID, child->pid, &end, WEXITED | WNOHANG | WNOWAIT) || !end.si_pid) {
		tracer_poll(tracer, false, write_event, r);
		signal = sigtimedwait(&r->signals, NULL, &pause);
		if (signal > 0 && signal != SIGCHLD)
			kill(child->pid, signal);
	}
	return end.si_code == CLD_EXITED ? end.si_status : 128 + end.si_status;
}

/*
 * Write to a temporary file, which is renamed when it is complete: an older recording
 * stays if nothing can be recorded.  A pipe or a device is written directly.
 */
static bool open_output(struct recording *r)
{
	char *real = realpath(r->path, NULL);
	mode_t mask = umask(0);
	struct stat st;
	int fd;

	umask(mask);
	if (real && !stat(real, &st) && !S_ISREG(st.st_mode)) {
		free(real);
		r->out = fopen(r->path, "we");
		return r->out;
	}
	if (real)
		r->path = real;
	if (asprintf(&r->partial, "%s.XXXXXX", r->path) < 0)
		need_memory(NULL);
	fd = mkostemp(r->partial, O_CLOEXEC);
	if (fd < 0)
		return false;
	fchmod(fd, 0666 & ~mask);
	r->out = need_memory(fdopen(fd, "w"));
	return true;
}

static bool close_output(struct recording *r)
{
	bool bad = ferror(r->out) | fclose(r->out);

	if (!r->partial)
		return !bad;
	if (!bad && !rename(r->partial, r->path))
		return true;
	unlink(r->partial);
	return false;
}

static void give_up(struct recording *r)
{
	int err = errno;

	fclose(r->out);
	if (r->partial)
		unlink(r->partial);
	errno = err;
}

/* A signal before the command runs must not leave a tracing instance behind. */
static void block_signals(struct recording *r)
{
	sigemptyset(&r->signals);
	sigaddset(&r->signals, SIGCHLD);
	sigaddset(&r->signals, SIGTERM);
	sigaddset(&r->signals, SIGHUP);
	sigaddset(&r->signals, SIGINT);
	sigaddset(&r->signals, SIGQUIT);
	sigprocmask(SIG_BLOCK, &r->signals, &r->mask);
	signal(SIGPIPE, SIG_IGN);
	/* If it is ignored, as it may be by inheritance, children leave no status. */
	signal(SIGCHLD, SIG_DFL);
}

static void end_if_signalled(struct recording *r)
{
	static const struct timespec now;
	int number = sigtimedwait(&r->signals, NULL, &now);

	if (number > 0 && number != SIGCHLD) {
		give_up(r);
		fail(TOOL_FILE, "ended by signal %d before the command ran", number);
	}
	/* The terminal sends these to the command too, which ends. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	sigdelset(&r->signals, SIGINT);
	sigdelset(&r->signals, SIGQUIT);
	sigprocmask(SIG_SETMASK, &r->signals, NULL);
}

static void fail_to_run(struct recording *r, int err)
{
	give_up(r);
	tool_fail_status = err == ENOENT ? 127 : 126;
	fail(tool_fail_status, "%s: %s", r->command[0], strerror(err));
}

/* @moment[0] was read before the tracer was started. */
static int record(struct recording *r, struct tracer *tracer, struct moment moment[4])
{
	unsigned long long start, lost;
	struct child child;
	int status, err;

	end_if_signalled(r);
	if (!start_child(r, &child)) {
		give_up(r);
		fail(TOOL_FILE, "fork: %s", strerror(errno));
	}
	stay_off(&r->cpus);

	moment_read(&moment[1]);
	tracer_go(tracer);
	start = now_ns();
	if (write(child.go, "", 1) != 1)
		warn("the command ended before it was started");
	status = follow(r, tracer, &child);
	start = now_ns() - start;
	tracer_halt(tracer);
	moment_read(&moment[2]);

	if (read(child.failed, &err, sizeof(err)) == sizeof(err))
		fail_to_run(r, err);
	lost = tracer_poll(tracer, true, write_event, r);
	waitpid(child.pid, NULL, 0);
	tracer_stop(tracer);
	moment_read(&moment[3]);
	write_rows(r, &moment[1], &moment[2]);
	write_setup(r, moment);
	fprintf(r->out, "lost\t%llu\nend\t%llu\t%d\n", lost, start, status);
	if (lost)
		warn("%llu events or more were lost", lost);
	return status;
}

int record_main(int argc, char **argv)
{
	static const char usage[] =
		"record [-o FILE] [-C CPUS] [-S] [--] COMMAND [ARGUMENT...]";
	struct options o = { .output = RECORD_FILE };
	struct moment moment[4] = { };
	struct recording r = { };
	struct kernel kernel;
	struct tracer *tracer;
	char why[256];
	int status, i;

	tool_fail_status = TOOL_RECORD;
	/* Options after the command belong to the command. */
	r.command = argv + options_parse(&o, "+C:So:", usage, argc, argv);
	if (!*r.command)
		options_usage(TOOL_USAGE, usage);
	r.path = o.output;
	r.stacks = !o.no_stacks;
	if (root_given())
		fail(TOOL_USAGE, "record traces this machine: no --root");

	moment_read(&moment[0]);
	kernel_read(&kernel, &moment[0].irqs, &moment[0].counters);
	kernel_choose(&kernel, &o.cpus);
	r.cpus = o.cpus;
	block_signals(&r);
	tracer = tracer_start(&r.cpus, r.stacks, why, sizeof(why));
	if (!tracer)
		fail(TOOL_RECORD, "%s", why);
	if (!open_output(&r))
		fail(TOOL_FILE, "%s: %s", r.path, strerror(errno));
	write_header(&r, &kernel);
	status = record(&r, tracer, moment);
	for (i = 0; i < (int)ARRAY_SIZE(moment); i++)
		moment_free(&moment[i]);
	if (!close_output(&r))
		fail(TOOL_FILE, "%s: cannot be written completely", r.path);
	fprintf(stderr, "coalesce-tlbi: %llu events in %s\n", r.events, r.path);
	return status;
}
