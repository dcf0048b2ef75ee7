// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.h"

int tool_fail_status;

static const char *root = "";

static void print_error(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("coalesce-tlbi: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void fail(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_error(fmt, ap);
	va_end(ap);
	exit(tool_fail_status ? tool_fail_status : status);
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_error(fmt, ap);
	va_end(ap);
}

void *need_memory(void *p)
{
	if (!p)
		fail(TOOL_FILE, "out of memory");
	return p;
}

void root_set(const char *dir)
{
	root = dir;
}

bool root_given(void)
{
	return root[0];
}

const char *root_path(const char *path, char *buf, size_t size)
{
	if (snprintf(buf, size, "%s%s", root, path) >= (int)size)
		fail(TOOL_USAGE, "%s: path too long", root);
	return buf;
}

FILE *root_open(const char *path)
{
	char name[4096];

	return fopen(root_path(path, name, sizeof(name)), "r");
}

bool root_read(const char *path, char *buf, size_t size)
{
	FILE *f = root_open(path);
	bool ok;

	buf[0] = 0;
	if (!f)
		return false;
	ok = fgets(buf, size, f);
	fclose(f);
	if (ok)
		buf[strcspn(buf, "\n")] = 0;
	return ok;
}

long long parse_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !isfinite(seconds) || seconds < 0.001 || seconds > 86400)
		return 0;
	return seconds * 1e9;
}

long parse_count(const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 1 || n > 1000000000)
		return 0;
	return n;
}

unsigned long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}
