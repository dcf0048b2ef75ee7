/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The options of the commands: an option means the same in every command.
 */
#ifndef COALESCE_TLBI_OPTIONS_H
#define COALESCE_TLBI_OPTIONS_H

#include <stdbool.h>

#include "cpus.h"

/**
 * struct options - values of the options
 * @interval: nanoseconds (-i)
 * @count: number of intervals, 0 for no end (-n)
 * @cpus: CPUs (-C); empty if not given
 * @output: file (-o)
 * @json: JSON instead of text (-j)
 * @no_stacks: without kernel stacks (-S)
 * @no_trace: without tracepoints (-T)
 *
 * options_parse() keeps the value of an option that is not given.
 */
struct options {
	long long interval;
	long count;
	struct cpus cpus;
	const char *output;
	bool json;
	bool no_stacks;
	bool no_trace;
};

/**
 * options_parse() - Parse a command's options
 * @o: updated
 * @letters: options that the command takes, as for getopt(3), without -h
 * @usage: usage line of the command
 * @argc: number of arguments
 * @argv: arguments, the command's name first
 *
 * Ends the program after -h, and with one line for a bad option or value.
 *
 * Return: index of the first argument that is not an option.
 */
int options_parse(struct options *o, const char *letters, const char *usage, int argc,
		  char **argv);

/**
 * options_usage() - Print the usage of a command and exit
 * @status: TOOL_OK if the user asked for it
 * @usage: usage line of the command
 */
void options_usage(int status, const char *usage);

/**
 * options_no_more() - Refuse further arguments
 * @words: the rest of argv; the program ends with one line if it is not empty
 */
void options_no_more(char * const *words);

#endif
