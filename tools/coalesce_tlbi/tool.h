/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all of coalesce-tlbi shares: exit statuses, errors, and files below --root.
 */
#ifndef COALESCE_TLBI_TOOL_H
#define COALESCE_TLBI_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * enum tool_status - exit statuses; coalesce-tlbi(1) promises them
 * @TOOL_OK: done; for status: on, and nothing is missing
 * @TOOL_MISSING: status only: off, or something is missing
 * @TOOL_USAGE: bad options
 * @TOOL_KERNEL: tracing cannot be switched on
 * @TOOL_FILE: a file cannot be read, understood or written
 * @TOOL_RECORD: record only: it failed, and the status is not the command's
 */
enum tool_status {
	TOOL_OK,
	TOOL_MISSING,
	TOOL_USAGE,
	TOOL_KERNEL = 4,
	TOOL_FILE,
	TOOL_RECORD = 125,
};

/* Status of fail() in its stead; 0: none.  Set by record. */
extern int tool_fail_status;

/**
 * fail() - One line on standard error, and out
 * @status: exit status
 * @fmt: as of printf(), without a newline
 */
void fail(int status, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/**
 * warn() - One line on standard error
 * @fmt: as of printf(), without a newline
 */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * need_memory() - Check what an allocator returned
 * @p: that
 *
 * Return: @p; ends the program if it is NULL.
 */
void *need_memory(void *p);

/**
 * root_set() - Look at a copy of a machine's files
 * @dir: what stands for /
 */
void root_set(const char *dir);

/**
 * root_given() - Is it another machine, or a copy?
 *
 * Return: true after root_set().
 */
bool root_given(void);

/**
 * root_path() - Where a file is, below --root
 * @path: its absolute path
 * @buf: filled
 * @size: of @buf
 *
 * Return: @buf.
 */
const char *root_path(const char *path, char *buf, size_t size);

/**
 * root_open() - Open a file for reading
 * @path: its absolute path; below --root if that is given
 *
 * Return: the file, or NULL and errno.
 */
FILE *root_open(const char *path);

/**
 * root_read() - Read the first line of a file
 * @path: as for root_open()
 * @buf: filled, without the newline; empty on errors
 * @size: of @buf
 *
 * Return: false if it cannot be read; errno tells why.
 */
bool root_read(const char *path, char *buf, size_t size);

/**
 * parse_seconds() - A time in seconds from the command line
 * @text: decimal, with or without a fraction
 *
 * Return: nanoseconds, 0 if it is no time between a millisecond and a day.
 */
long long parse_seconds(const char *text);

/**
 * parse_count() - A number from the command line
 * @text: decimal
 *
 * Return: the number, 0 if it is none between 1 and a billion.
 */
long parse_count(const char *text);

/**
 * now_ns() - The time
 *
 * Return: nanoseconds of CLOCK_MONOTONIC.
 */
unsigned long long now_ns(void);

/* Each has argv[0] its own name, and ends with the program's exit status. */
int status_main(int argc, char **argv);
int watch_main(int argc, char **argv);
int record_main(int argc, char **argv);
int report_main(int argc, char **argv);

#endif
