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

struct recording {
	const char *path;
	char *partial;		/* the temporary file's name, or NULL */
	FILE *out;
	struct cpus cpus;
	bool stacks;
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

static void write_event(const struct event *event, void *arg)
{
	struct recording *r = arg;

	fprintf(r->out, "%s\t%llu\t%d\t%d\t%d", words[event->kind], event->ns, event->target,
		event->initiator, event->pid);
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

static void write_rows(struct recording *r, const struct interrupts *before,
		       const struct interrupts *after)
{
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

/* The child waits for a byte, and reports through @failed if exec fails. */
struct child {
	pid_t pid;
	int go;
	int failed;
};

static void run_child(const struct recording *r, int go, int failed, const sigset_t *mask)
{
	char byte;
	int err;

	if (read(go, &byte, 1) != 1)
		_exit(TOOL_RECORD);
	sigprocmask(SIG_SETMASK, mask, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	execvp(r->command[0], r->command);
	err = errno;
	if (write(failed, &err, sizeof(err)) < 0)
		_exit(TOOL_RECORD);
	_exit(err == ENOENT ? 127 : 126);
}

static bool start_child(const struct recording *r, struct child *child, const sigset_t *mask)
{
	int go[2], failed[2];

	if (pipe2(go, O_CLOEXEC) || pipe2(failed, O_CLOEXEC))
		return false;
	child->pid = fork();
	if (child->pid < 0)
		return false;
	if (!child->pid) {
		close(go[1]);
		run_child(r, go[0], failed[1], mask);
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
static int follow(struct recording *r, struct tracer *tracer, const struct child *child,
		  const sigset_t *set)
{
	static const struct timespec pause = { .tv_nsec = POLL_NS };
	siginfo_t end = { 0 };
	int signal;

	while (waitid(P_PID, child->pid, &end, WEXITED | WNOHANG | WNOWAIT) || !end.si_pid) {
		tracer_poll(tracer, false, write_event, r);
		signal = sigtimedwait(set, NULL, &pause);
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

static void give_up(struct recording *r, struct tracer *tracer)
{
	int err = errno;

	tracer_stop(tracer);
	fclose(r->out);
	if (r->partial)
		unlink(r->partial);
	errno = err;
}

static void fail_to_run(struct recording *r, struct tracer *tracer, int err)
{
	give_up(r, tracer);
	tool_fail_status = err == ENOENT ? 127 : 126;
	fail(tool_fail_status, "%s: %s", r->command[0], strerror(err));
}

static int record(struct recording *r, struct tracer *tracer)
{
	struct interrupts before, after;
	unsigned long long start, lost;
	sigset_t set, mask;
	struct child child;
	int status, err;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &mask);
	/* The terminal sends these to the command too, which ends. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	/* If it is ignored, as it may be by inheritance, children leave no status. */
	signal(SIGCHLD, SIG_DFL);
	if (!start_child(r, &child, &mask)) {
		give_up(r, tracer);
		fail(TOOL_FILE, "fork: %s", strerror(errno));
	}
	stay_off(&r->cpus);

	interrupts_read(&before);
	tracer_go(tracer);
	start = now_ns();
	if (write(child.go, "", 1) != 1)
		warn("the command ended before it was started");
	status = follow(r, tracer, &child, &set);
	start = now_ns() - start;
	tracer_halt(tracer);
	interrupts_read(&after);

	if (read(child.failed, &err, sizeof(err)) == sizeof(err))
		fail_to_run(r, tracer, err);
	lost = tracer_poll(tracer, true, write_event, r);
	waitpid(child.pid, NULL, 0);
	write_rows(r, &before, &after);
	interrupts_free(&before);
	interrupts_free(&after);
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
	struct recording r = { };
	struct interrupts irqs;
	struct counters counters;
	struct kernel kernel;
	struct tracer *tracer;
	char why[256];
	int end;

	tool_fail_status = TOOL_RECORD;
	/* Options after the command belong to the command. */
	r.command = argv + options_parse(&o, "+C:So:", usage, argc, argv);
	if (!*r.command)
		options_usage(TOOL_USAGE, usage);
	r.path = o.output;
	r.stacks = !o.no_stacks;
	if (root_given())
		fail(TOOL_USAGE, "record traces this machine: no --root");

	interrupts_read(&irqs);
	counters_read(&counters);
	kernel_read(&kernel, &irqs, &counters);
	interrupts_free(&irqs);
	counters_free(&counters);
	kernel_choose(&kernel, &o.cpus);
	r.cpus = o.cpus;
	tracer = tracer_start(&r.cpus, r.stacks, why, sizeof(why));
	if (!tracer)
		fail(TOOL_RECORD, "%s", why);
	if (!open_output(&r)) {
		end = errno;
		tracer_stop(tracer);
		fail(TOOL_FILE, "%s: %s", r.path, strerror(end));
	}
	write_header(&r, &kernel);
	end = record(&r, tracer);
	tracer_stop(tracer);
	if (!close_output(&r))
		fail(TOOL_FILE, "%s: cannot be written completely", r.path);
	fprintf(stderr, "coalesce-tlbi: %llu events in %s\n", r.events, r.path);
	return end;
}
