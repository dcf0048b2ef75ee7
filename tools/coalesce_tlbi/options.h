/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The options of the commands: a letter and a long name mean the same in each.
 */
#ifndef COALESCE_TLBI_OPTIONS_H
#define COALESCE_TLBI_OPTIONS_H

#include <stdbool.h>

#include "cpus.h"

/**
 * struct options - what was given
 * @interval: nanoseconds (-i)
 * @count: rounds, 0 without end (-n)
 * @cpus: a list that is not empty (-C), or none
 * @output: file (-o)
 * @json: JSON instead of text (-j)
 * @no_stacks: without kernel stacks (-S)
 * @no_trace: without tracepoints (-T)
 *
 * What is there before options_parse() holds if it is not given.
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
 * options_parse() - Read a command's options
 * @o: changed by what is given
 * @letters: those that the command takes, as for getopt(3), without -h
 * @usage: what the command takes, for people
 * @argc: the command's arguments
 * @argv: beginning with its name
 *
 * Ends the program for -h, and with one line for an option or value that is wrong.
 *
 * Return: index of the first argument that is no option.
 */
int options_parse(struct options *o, const char *letters, const char *usage, int argc,
		  char **argv);

/**
 * options_usage() - Tell how a command is used, and out
 * @status: TOOL_OK if that was asked for
 * @usage: what the command takes
 */
void options_usage(int status, const char *usage);

/**
 * options_no_more() - Refuse words that a command does not take
 * @words: what is left of argv, ended by NULL; ends the program if that is any
 */
void options_no_more(char * const *words);

#endif
