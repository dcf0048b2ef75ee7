// SPDX-License-Identifier: GPL-2.0
/*
 * coalesce-tlbi watch: the interrupts that isolated CPUs take, interval by interval.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "counters.h"
#include "interrupts.h"
#include "json.h"
#include "kernel.h"
#include "options.h"
#include "tally.h"
#include "trace.h"

#define INTERVAL_NS	1000000000LL
#define CLEAR_SCREEN	"\033[H\033[J"
#define MAX_INITIATORS	20

/* Rows with their own column; all other rows are added up in "other". */
static const char * const columns[] = { "CAL", "RES", "LOC", "IWI", "NMI" };

struct watch {
	struct cpus cpus;
	long long interval;
	long count;
	bool json;
	bool terminal;
	sigset_t signals;	/* blocked: they end the loop */
	int error;		/* of standard output */
	struct tracer *tracer;
	char untraced[256];
	struct tally tally;
	unsigned long long lost;
	struct interrupts before, now;
	struct counters counters_before, counters_now;
	char uncounted[256];	/* why no CPU has a counter; "" if one may have */
};

/* A signal or a closed pipe ends the loop, so that the tracing instance is removed. */
static void block_signals(struct watch *w)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&w->signals);
	sigaddset(&w->signals, SIGINT);
	sigaddset(&w->signals, SIGTERM);
	sigaddset(&w->signals, SIGHUP);
	sigaddset(&w->signals, SIGQUIT);
	sigprocmask(SIG_BLOCK, &w->signals, NULL);
}

static void wait_until(const struct timespec *when, const sigset_t *set, bool *stop)
{
	struct timespec now, left;
	long long ns;
	int signal;

	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		ns = (when->tv_sec - now.tv_sec) * 1000000000LL + when->tv_nsec - now.tv_nsec;
		if (ns <= 0)
			return;
		left.tv_sec = ns / 1000000000;
		left.tv_nsec = ns % 1000000000;
		signal = sigtimedwait(set, NULL, &left);
		if (signal > 0) {
			*stop = true;
			return;
		}
	}
}

static void add_event(const struct event *event, void *arg)
{
	struct watch *w = arg;

	/* Each call that this IPI carries has its own event. */
	if (event->kind != EVENT_IPI || !event_is_carrier(event->callback))
		tally_add(&w->tally, event);
}

static unsigned long long delta(const struct watch *w, const char *row, int cpu)
{
	return interrupts_of(&w->now, row, cpu) - interrupts_of(&w->before, row, cpu);
}

static unsigned long long total(const struct watch *w, int cpu)
{
	return interrupts_total(&w->now, cpu) - interrupts_total(&w->before, cpu);
}

/* False if the kernel does not show a counter of @cpu. */
static bool deferred(const struct watch *w, int cpu, unsigned long *n)
{
	const struct cpu_counters *before = counters_of(&w->counters_before, cpu);
	const struct cpu_counters *now = counters_of(&w->counters_now, cpu);

	if (!before || !now)
		return false;
	*n = now->deferred - before->deferred;
	return true;
}

static void print_cpu(const struct watch *w, int cpu)
{
	unsigned long long all = total(w, cpu), rest = all, n;
	unsigned long n_deferred;
	size_t i;

	printf("%5d", cpu);
	for (i = 0; i < ARRAY_SIZE(columns); i++) {
		n = delta(w, columns[i], cpu);
		rest -= n;
		printf("  %7llu", n);
	}
	printf("  %7llu  %7llu  %7llu", rest, all, delta(w, "TLB", cpu));
	if (deferred(w, cpu, &n_deferred))
		printf("  %8lu\n", n_deferred);
	else
		printf("  %8s\n", "-");
}

static void print_initiators(const struct watch *w)
{
	struct initiator **sorted = tally_sorted(&w->tally);
	char task[128], list[CPUS_TEXT];
	int i;

	if (w->tally.n)
		printf("\n%7s  %-8s  %-32s  %-24s  %s\n", "count", "kind", "function", "task",
		       "target");
	for (i = 0; i < w->tally.n && i < MAX_INITIATORS; i++)
		printf("%7llu  %-8s  %-32s  %-24s  CPU %s\n", sorted[i]->count,
		       kind_name(sorted[i]->kind), sorted[i]->callback,
		       task_name(sorted[i], task, sizeof(task)),
		       cpus_format(&sorted[i]->targets, list, sizeof(list)));
	if (w->tally.n > MAX_INITIATORS)
		printf("%7s  and %d others\n", "", w->tally.n - MAX_INITIATORS);
	if (w->lost)
		printf("%llu events or more were lost\n", w->lost);
	free(sorted);
}

static void print_round(const struct watch *w)
{
	char stamp[32];
	time_t t = time(NULL);
	size_t i;
	int cpu;

	if (w->terminal)
		fputs(CLEAR_SCREEN, stdout);
	strftime(stamp, sizeof(stamp), "%H:%M:%S", localtime(&t));
	printf("%s  interrupts in %g s\n\n%5s", stamp, w->interval / 1e9, "CPU");
	for (i = 0; i < ARRAY_SIZE(columns); i++)
		printf("  %7s", columns[i]);
	printf("  %7s  %7s  %7s  %8s\n", "other", "all", "(TLB)", "deferred");
	for_each_cpu_in(cpu, &w->cpus)
		print_cpu(w, cpu);
	if (w->uncounted[0])
		printf("\nno deferred: %s\n", w->uncounted);
	if (w->tracer)
		print_initiators(w);
	else if (w->untraced[0])
		printf("\nno initiators: %s\n", w->untraced);
	putchar('\n');
	fflush(stdout);
}

static void json_cpu(const struct watch *w, int cpu)
{
	unsigned long long n;
	unsigned long n_deferred;
	int i;

	json_object(NULL);
	json_number("cpu", cpu);
	json_number("interrupts", total(w, cpu));
	json_object("rows");
	for (i = 0; i < w->now.n_rows; i++) {
		n = delta(w, w->now.row[i].name, cpu);
		if (n)
			json_number(w->now.row[i].name, n);
	}
	json_end();
	if (deferred(w, cpu, &n_deferred))
		json_number("deferred", n_deferred);
	else
		json_null("deferred");
	json_end();
}

static void json_initiators(const struct watch *w)
{
	struct initiator **sorted = tally_sorted(&w->tally);
	char list[CPUS_TEXT];
	int i;

	json_array("initiators");
	for (i = 0; i < w->tally.n; i++) {
		json_object(NULL);
		json_number("count", sorted[i]->count);
		json_text("kind", kind_name(sorted[i]->kind));
		json_text("function", sorted[i]->callback);
		json_text("task", sorted[i]->comm);
		json_bool("own", sorted[i]->own);
		json_text("cpus", cpus_format(&sorted[i]->targets, list, sizeof(list)));
		json_end();
	}
	json_end();
	free(sorted);
}

static void json_round(const struct watch *w)
{
	struct timespec t;
	int cpu;

	clock_gettime(CLOCK_REALTIME, &t);
	json_object(NULL);
	json_seconds("time", t.tv_sec * 1000000000ULL + t.tv_nsec);
	json_seconds("interval", w->interval);
	json_array("cpus");
	for_each_cpu_in(cpu, &w->cpus)
		json_cpu(w, cpu);
	json_end();
	if (w->tracer) {
		json_initiators(w);
		json_number("lost", w->lost);
	} else {
		json_null("initiators");
	}
	json_end();
}

static void next_round(struct timespec *when, long long interval)
{
	when->tv_sec += interval / 1000000000;
	when->tv_nsec += interval % 1000000000;
	if (when->tv_nsec >= 1000000000) {
		when->tv_nsec -= 1000000000;
		when->tv_sec++;
	}
}

static void watch_rounds(struct watch *w)
{
	struct timespec when;
	bool stop = false;
	long i;

	if (w->tracer)
		tracer_go(w->tracer);
	interrupts_read(&w->before);
	counters_read(&w->counters_before);
	clock_gettime(CLOCK_MONOTONIC, &when);
	for (i = 0; !w->count || i < w->count; i++) {
		next_round(&when, w->interval);
		wait_until(&when, &w->signals, &stop);
		if (stop)
			break;
		interrupts_read(&w->now);
		counters_read(&w->counters_now);
		if (w->tracer)
			w->lost = tracer_poll(w->tracer, false, add_event, w);
		if (w->json)
			json_round(w);
		else
			print_round(w);
		if (ferror(stdout))
			w->error = errno;
		tally_clear(&w->tally);
		interrupts_free(&w->before);
		counters_free(&w->counters_before);
		w->before = w->now;
		w->counters_before = w->counters_now;
		if (w->error)
			break;
	}
	interrupts_free(&w->before);
	counters_free(&w->counters_before);
}

static void choose_cpus(struct watch *w)
{
	struct interrupts irqs;
	struct counters counters;
	struct kernel kernel;

	interrupts_read(&irqs);
	counters_read(&counters);
	kernel_read(&kernel, &irqs, &counters);
	kernel_choose(&kernel, &w->cpus);
	snprintf(w->uncounted, sizeof(w->uncounted), "%s",
		 kernel.on == ANSWER_YES ? counters.error : kernel.why_off);
	if (w->uncounted[0] && w->json)
		warn("no deferred: %s", w->uncounted);
	interrupts_free(&irqs);
	counters_free(&counters);
}

static void start_tracer(struct watch *w, bool wanted)
{
	if (!wanted || root_given())
		return;
	w->tracer = tracer_start(&w->cpus, false, w->untraced, sizeof(w->untraced));
	if (!w->tracer && w->json)
		warn("no initiators: %s", w->untraced);
}

int watch_main(int argc, char **argv)
{
	static const char usage[] = "watch [-i SECONDS] [-n COUNT] [-C CPUS] [-T] [-j]";
	struct options o = { .interval = INTERVAL_NS };
	static struct watch w;

	options_no_more(argv + options_parse(&o, "C:Ti:jn:", usage, argc, argv));
	w.interval = o.interval;
	w.count = o.count;
	w.json = o.json;
	w.cpus = o.cpus;
	choose_cpus(&w);
	stay_off(&w.cpus);
	w.terminal = isatty(STDOUT_FILENO) && !w.json;
	block_signals(&w);
	start_tracer(&w, !o.no_trace);
	watch_rounds(&w);
	tracer_stop(w.tracer);
	tally_clear(&w.tally);
	/* The reader closed the pipe: no error. */
	if (w.error == EPIPE && !freopen("/dev/null", "w", stdout))
		return TOOL_FILE;
	return TOOL_OK;
}
