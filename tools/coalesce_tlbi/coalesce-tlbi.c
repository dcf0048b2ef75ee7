// SPDX-License-Identifier: GPL-2.0
/*
 * coalesce-tlbi: which IPIs to isolated CPUs the kernel defers, and what still
 * interrupts these CPUs.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "status", status_main, "whether it is on, on which CPUs, and what is missing" },
	{ "watch", watch_main, "interrupts that arrive and IPIs that are deferred, live" },
	{ "record", record_main, "record who interrupts CPUs while a command runs" },
	{ "report", report_main, "summarise a recording" },
};

static void print_usage(int status)
{
	FILE *out = status ? stderr : stdout;
	size_t i;

	fputs("usage: coalesce-tlbi [--root DIR] COMMAND [OPTION...]\n", out);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].what);
	exit(status);
}

static void set_root(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) || !S_ISDIR(st.st_mode))
		fail(TOOL_USAGE, "not a directory: %s", dir);
	root_set(dir);
}

static int run_command(const struct command *command, int argc, char **argv)
{
	char name[64];
	int status;

	/* getopt_long() prints this name in its messages. */
	snprintf(name, sizeof(name), "coalesce-tlbi: %s", command->name);
	argv[0] = name;
	status = command->run(argc, argv);
	if (fflush(stdout) || ferror(stdout))
		fail(TOOL_FILE, "standard output: cannot write");
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	size_t i;
	int opt;

	while ((opt = getopt_long(argc, argv, "+hr:", options, NULL)) != -1) {
		if (opt == 'h')
			print_usage(TOOL_OK);
		if (opt != 'r')
			exit(TOOL_USAGE);
		set_root(optarg);
	}
	if (optind == argc)
		print_usage(TOOL_USAGE);
	argv += optind;
	argc -= optind;
	optind = 0;
	for (i = 0; i < ARRAY_SIZE(commands) && strcmp(argv[0], commands[i].name); i++)
		;
	if (i < ARRAY_SIZE(commands))
		return run_command(&commands[i], argc, argv);
	fail(TOOL_USAGE, "unknown command '%s' (status, watch, record, report)", argv[0]);
}
