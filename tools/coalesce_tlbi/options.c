// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "options.h"

static const struct option long_options[] = {
	{ "cpus", required_argument, NULL, 'C' },
	{ "no-stacks", no_argument, NULL, 'S' },
	{ "no-trace", no_argument, NULL, 'T' },
	{ "help", no_argument, NULL, 'h' },
	{ "interval", required_argument, NULL, 'i' },
	{ "json", no_argument, NULL, 'j' },
	{ "count", required_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
};

void options_usage(int status, const char *usage)
{
	fprintf(status ? stderr : stdout, "usage: coalesce-tlbi %s\n", usage);
	exit(status && tool_fail_status ? tool_fail_status : status);
}

static void take(struct options *o, int letter, const char *usage)
{
	switch (letter) {
	case 'C':
		if (!cpus_parse(optarg, &o->cpus) || cpus_empty(&o->cpus))
			fail(TOOL_USAGE, "not a CPU list: %s", optarg);
		break;
	case 'S':
		o->no_stacks = true;
		break;
	case 'T':
		o->no_trace = true;
		break;
	case 'i':
		o->interval = parse_seconds(optarg);
		if (!o->interval)
			fail(TOOL_USAGE, "not a time in seconds: %s", optarg);
		break;
	case 'j':
		o->json = true;
		break;
	case 'n':
		o->count = parse_count(optarg);
		if (!o->count)
			fail(TOOL_USAGE, "not a count: %s", optarg);
		break;
	case 'o':
		o->output = optarg;
		break;
	case 'h':
		options_usage(TOOL_OK, usage);
		break;
	default:
		/* getopt_long() has printed what is wrong. */
		exit(tool_fail_status ? tool_fail_status : TOOL_USAGE);
	}
}

void options_no_more(char * const *words)
{
	if (*words)
		fail(TOOL_USAGE, "unexpected argument: %s", *words);
}

int options_parse(struct options *o, const char *letters, const char *usage, int argc,
		  char **argv)
{
	struct option taken[ARRAY_SIZE(long_options) + 1] = { };
	char with_help[32];
	size_t i, n = 0;
	int letter;

	snprintf(with_help, sizeof(with_help), "%sh", letters);
	for (i = 0; i < ARRAY_SIZE(long_options); i++)
		if (strchr(with_help, long_options[i].val))
			taken[n++] = long_options[i];
	while ((letter = getopt_long(argc, argv, with_help, taken, NULL)) != -1)
		take(o, letter, usage);
	return optind;
}
