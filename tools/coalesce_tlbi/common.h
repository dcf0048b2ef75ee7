/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by all of coalesce-tlbi: exit statuses, errors, and files below --root.
 */
#ifndef COALESCE_TLBI_COMMON_H
#define COALESCE_TLBI_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * enum tool_status - exit statuses, documented in coalesce-tlbi(1)
 * @TOOL_OK: done; for status: on, and nothing is missing
 * @TOOL_MISSING: status only: off, or something is missing
 * @TOOL_USAGE: bad options
 * @TOOL_KERNEL: tracing cannot be enabled
 * @TOOL_FILE: a file cannot be read, parsed or written
 * @TOOL_RECORD: record only: record itself failed, not the command
 */
enum tool_status {
	TOOL_OK,
	TOOL_MISSING,
	TOOL_USAGE,
	TOOL_KERNEL = 4,
	TOOL_FILE,
	TOOL_RECORD = 125,
};

/* If not 0, fail() exits with this status instead of its argument.  Set by record. */
extern int tool_fail_status;

/**
 * fail() - Print one line on standard error and exit
 * @status: exit status
 * @fmt: as for printf(), without a newline
 */
void fail(int status, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/**
 * warn() - Print one line on standard error
 * @fmt: as for printf(), without a newline
 */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * need_memory() - Check the result of an allocation
 * @p: the result
 *
 * Return: @p; ends the program if it is NULL.
 */
void *need_memory(void *p);

/**
 * root_set() - Read a copy of a machine's files
 * @dir: directory that stands for /
 */
void root_set(const char *dir);

/**
 * root_given() - Check whether a copy is read
 *
 * Return: true after root_set().
 */
bool root_given(void);

/**
 * root_path() - Get the path of a file below --root
 * @path: its absolute path
 * @buf: filled
 * @size: size of @buf
 *
 * Return: @buf.
 */
const char *root_path(const char *path, char *buf, size_t size);

/**
 * root_open() - Open a file for reading
 * @path: its absolute path, taken below --root if that is given
 *
 * Return: the file, or NULL with errno set.
 */
FILE *root_open(const char *path);

/**
 * root_read() - Read the first line of a file
 * @path: as for root_open()
 * @buf: filled, without the newline; empty on errors
 * @size: size of @buf
 *
 * Return: false with errno set if it cannot be read.
 */
bool root_read(const char *path, char *buf, size_t size);

/**
 * parse_seconds() - Parse a time in seconds from the command line
 * @text: decimal, with or without a fraction
 *
 * Return: nanoseconds; 0 if @text is not a time from a millisecond to a day.
 */
long long parse_seconds(const char *text);

/**
 * parse_count() - Parse a count from the command line
 * @text: decimal
 *
 * Return: the count; 0 if @text is not a number from 1 to a billion.
 */
long parse_count(const char *text);

/**
 * now_ns() - Read the clock
 *
 * Return: nanoseconds of CLOCK_MONOTONIC.
 */
unsigned long long now_ns(void);

/* The commands: argv[0] is the command's name; each returns the exit status. */
int status_main(int argc, char **argv);
int watch_main(int argc, char **argv);
int record_main(int argc, char **argv);
int report_main(int argc, char **argv);

#endif
