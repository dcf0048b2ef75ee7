// SPDX-License-Identifier: GPL-2.0
/*
 * A page that was executable is not reused while a CPU in user mode may hold an
 * executable translation of it.  The pages are those of a module that is unloaded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"
#include "counts.h"
#include "operations.h"

#define QUARANTINE	"/sys/kernel/debug/x86/coalesce_tlbi_quarantine"
#define MAX_PAGES	"/sys/module/coalesce_tlbi_quarantine/parameters/max_pages"
#define DROP_CACHES	"/proc/sys/vm/drop_caches"
#define ONLINE		"/sys/devices/system/cpu/cpu%d/online"

#define MAX_REPEATS	20
#define CHURNS		200

/* Long enough for any machine: the kernel looks at least once a second. */
#define PATIENCE_S	20

static struct isolated cpus[MAX_ISOLATED];
static int n_cpus;

/* A line of the file, "NAME NUMBER"; 0 if there is none. */
static unsigned long quarantine(const char *name)
{
	FILE *f = open_or_skip(QUARANTINE);
	unsigned long n = 0, value;
	char line[256], word[64];

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %lu", word, &value) == 2 && !strcmp(word, name))
			n = value;
	fclose(f);
	return n;
}

static void write_or_fail(const char *path, const char *word)
{
	int err = write_word(path, word);

	if (err)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(err));
}

static unsigned long max_pages(void)
{
	FILE *f = open_or_skip(MAX_PAGES);
	unsigned long n = 0;

	if (fscanf(f, "%lu", &n) != 1)
		ksft_exit_fail_msg(MAX_PAGES ": no number\n");
	fclose(f);
	return n;
}

static void set_max_pages(unsigned long n)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", n);
	write_or_fail(MAX_PAGES, text);
}

/* Wait for the kernel to free all of them.  It needs no request for that. */
static bool await_empty(void)
{
	time_t end = time(NULL) + PATIENCE_S;

	while (quarantine("pages")) {
		if (time(NULL) > end)
			return false;
		sched_yield();
	}
	return true;
}

static void must(int err, const char *what)
{
	if (err)
		ksft_exit_skip("%s: %s\n", what, strerror(err));
}

/**
 * struct freed - what was found after a module had been unloaded
 * @found: the page behind its text was handed out again
 * @pending: the first isolated CPU took no interrupt and has a flush pending
 * @pages: pages in quarantine
 */
struct freed {
	bool found;
	bool pending;
	unsigned long pages;
};

static void free_module(struct freed *freed, bool defers)
{
	unsigned long long address;
	struct counts before;

	must(module_load(), "module");
	address = module_address();
	if (!address)
		ksft_exit_skip("/proc/modules hides addresses\n");
	must(oracle_command(ORACLE_WATCH_PAGE, (void *)(unsigned long)address), "page of a module");
	isolated_ping(cpus, n_cpus);
	counts_read(cpus[0].cpu, &before);
	must(module_unload(), "module");
	freed->found = !oracle_command(ORACLE_FIND_PAGE, NULL);
	freed->pages = defers ? quarantine("pages") : 0;
	freed->pending = isolated_pending(&cpus[0], before.interrupts) == PENDING_FLUSH;
}

/* Unload a module until a flush for it is pending; false if that does not succeed. */
static bool free_with_flush_pending(struct freed *freed)
{
	int i;

	for (i = 0; i < MAX_REPEATS; i++) {
		isolated_ping(cpus, n_cpus);
		await_empty();
		free_module(freed, true);
		if (freed->pending)
			return true;
	}
	return false;
}

/*
 * With the quarantine off (no page may wait) each free forces the flush, and the page
 * is handed out immediately: the control.
 */
static void test_not_handed_out(void)
{
	unsigned long limit = max_pages(), forced;
	struct freed freed;
	bool pending = free_with_flush_pending(&freed);

	ksft_print_msg("flush pending: %d; page handed out: %d; pages waiting: %lu\n",
		       pending, freed.found, freed.pages);
	ksft_test_result(pending && !freed.found && freed.pages,
			 "a page that was executable is not handed out before the flush\n");
	isolated_ping(cpus, n_cpus);
	ksft_test_result(await_empty(), "it is freed after the flush, with no further request\n");

	set_max_pages(0);
	forced = quarantine("forced");
	free_module(&freed, true);
	forced = quarantine("forced") - forced;
	set_max_pages(limit);
	ksft_print_msg("no page may wait: forced %lu; page handed out: %d; pages waiting: %lu\n",
		       forced, freed.found, freed.pages);
	ksft_test_result(forced && freed.found && !freed.pages,
			 "control: a page is handed out after a forced flush\n");
}

/* All but the last CPU flush.  Returns whether the last one still has a flush pending. */
static bool flush_all_but_last(unsigned long *pages)
{
	struct isolated *last = &cpus[n_cpus - 1];
	struct counts before;
	unsigned long polled;

	counts_read(last->cpu, &before);
	isolated_ping(cpus, n_cpus - 1);
	/* If nobody polls, the pages are gone. */
	polled = quarantine("polled");
	while (quarantine("polled") < polled + 2 && quarantine("pages"))
		sched_yield();
	*pages = quarantine("pages");
	return isolated_pending(last, before.interrupts) == PENDING_FLUSH;
}

/* One CPU has flushed, another one has not: the pages stay. */
static void test_each_cpu(void)
{
	static const char name[] = "each CPU that has a flush pending is waited for";
	unsigned long pages = 0;
	bool pending = false;
	struct freed freed;
	int i;

	if (n_cpus < 2) {
		ksft_test_result_skip("%s: needs two isolated CPUs\n", name);
		return;
	}
	for (i = 0; i < MAX_REPEATS && !pending; i++)
		pending = free_with_flush_pending(&freed) && flush_all_but_last(&pages);
	ksft_print_msg("%lu pages waited; after the flush of all CPUs but one: %lu pages\n",
		       freed.pages, pages);
	ksft_test_result(pending && pages, "%s\n", name);
}

/* A module is unloaded when the wait for the pages of another one is about to end. */
static void test_next(void)
{
	int i, tries = 0, kept = 0;
	struct freed freed;

	for (i = 0; i < MAX_REPEATS; i++) {
		if (!free_with_flush_pending(&freed))
			break;
		free_module(&freed, true);
		tries += freed.pending;
		kept += freed.pending && freed.pages && !freed.found;
	}
	ksft_print_msg("with a flush pending: %d, not handed out: %d\n", tries, kept);
	ksft_test_result(tries && kept == tries,
			 "pages that come during a wait are not handed out after it\n");
}

/* More pages than may wait: the flush is forced, and they are freed. */
static void test_bound(void)
{
	unsigned long limit = max_pages(), forced, most = 0, pages;
	struct freed freed;
	int i;

	free_with_flush_pending(&freed);
	set_max_pages(3 * freed.pages);
	forced = quarantine("forced");
	for (i = 0; i < MAX_REPEATS; i++) {
		must(operate_module(), "module");
		pages = quarantine("pages");
		if (pages > most)
			most = pages;
	}
	forced = quarantine("forced") - forced;
	set_max_pages(limit);
	ksft_print_msg("%d modules of %lu pages, bound %lu: forced %lu times, most %lu pages\n",
		       MAX_REPEATS, freed.pages, 3 * freed.pages, forced, most);
	ksft_test_result(forced && forced < MAX_REPEATS && most && most <= 3 * freed.pages,
			 "more pages than may wait force the flush\n");
}

/* Memory pressure forces the flush; dropping caches asks every shrinker for all it has. */
static void test_memory_pressure(void)
{
	unsigned long forced, pages;
	struct freed freed;
	bool pending = free_with_flush_pending(&freed);

	forced = quarantine("forced");
	write_or_fail(DROP_CACHES, "2");
	forced = quarantine("forced") - forced;
	pages = quarantine("pages");
	ksft_print_msg("%lu pages wait; after memory pressure: forced %lu, %lu pages\n",
		       freed.pages, forced, pages);
	ksft_test_result(pending && forced && !pages, "memory pressure forces the flush\n");
}

/* Modules and BPF programs come and go while the CPUs stay in user mode. */
static void test_churn(int rounds)
{
	unsigned long limit = max_pages(), most = 0, pages, forced = quarantine("forced");
	int i;

	for (i = 0; i < rounds; i++) {
		must(operate_module(), "module");
		operate_bpf();
		pages = quarantine("pages");
		if (pages > most)
			most = pages;
	}
	forced = quarantine("forced") - forced;
	isolated_ping(cpus, n_cpus);
	ksft_print_msg("%d modules and BPF programs: most %lu pages of %lu, forced %lu times\n",
		       rounds, most, limit, forced);
	ksft_test_result(most && most <= limit && await_empty(),
			 "modules and BPF programs: the pages are bounded, and freed at the end\n");
}

/* The CPU that is waited for goes offline instead of entering the kernel by itself. */
static void test_unplug(void)
{
	struct isolated *last = &cpus[n_cpus - 1];
	struct freed freed;
	bool pending, empty;
	char path[64];

	snprintf(path, sizeof(path), ONLINE, last->cpu);
	if (n_cpus < 2 || access(path, W_OK)) {
		ksft_test_result_skip("hot-unplug: needs two isolated CPUs and CPU hotplug\n");
		return;
	}
	pending = free_with_flush_pending(&freed);
	isolated_stop(last, 1);
	n_cpus--;
	write_or_fail(path, "0");
	isolated_ping(cpus, n_cpus);
	empty = await_empty();
	write_or_fail(path, "1");
	ksft_print_msg("%lu pages waited\n", freed.pages);
	ksft_test_result(pending && empty, "hot-unplug of a CPU that is waited for\n");
}

/* Without the option, or where nothing is deferred */
static void test_off(void)
{
	struct freed freed = { 0 };

	free_module(&freed, false);
	ksft_print_msg("page handed out: %d\n", freed.found);
	ksft_test_result(freed.found, "control: nothing is deferred, and the page is handed out\n");
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : CHURNS;

	ksft_print_header();
	n_cpus = isolated_start(cpus);
	ksft_print_msg("mode %s, %d isolated CPUs\n", coalesce_mode(), n_cpus);
	if (!coalesce_defers()) {
		ksft_set_plan(1);
		test_off();
	} else {
		ksft_set_plan(9);
		test_not_handed_out();
		test_each_cpu();
		test_next();
		test_bound();
		test_memory_pressure();
		test_churn(rounds);
		test_unplug();
	}
	isolated_stop(cpus, n_cpus);
	ksft_finished();
}
