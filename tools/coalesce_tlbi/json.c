// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>

#include "json.h"

#define MAX_DEPTH	8

static char closing[MAX_DEPTH];
static int depth;
static bool first = true;

static void put_text(const char *text)
{
	const unsigned char *c;

	putchar('"');
	for (c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else if (*c < 0x20 || *c > 0x7e)
			/* A task's name can have any bytes. */
			printf("\\u%04x", *c);
		else
			putchar(*c);
	}
	putchar('"');
}

static void put_name(const char *name)
{
	if (depth && !first)
		fputs(", ", stdout);
	first = false;
	if (!name)
		return;
	put_text(name);
	fputs(": ", stdout);
}

static void begin(const char *name, char open, char close)
{
	put_name(name);
	putchar(open);
	closing[depth++] = close;
	first = true;
}

void json_object(const char *name)
{
	begin(name, '{', '}');
}

void json_array(const char *name)
{
	begin(name, '[', ']');
}

void json_end(void)
{
	putchar(closing[--depth]);
	first = false;
	if (depth)
		return;
	putchar('\n');
	fflush(stdout);
	first = true;
}

void json_text(const char *name, const char *text)
{
	put_name(name);
	put_text(text);
}

void json_number(const char *name, unsigned long long n)
{
	put_name(name);
	printf("%llu", n);
}

void json_seconds(const char *name, unsigned long long ns)
{
	put_name(name);
	printf("%llu.%09llu", ns / 1000000000, ns % 1000000000);
}

void json_bool(const char *name, int value)
{
	put_name(name);
	fputs(value ? "true" : "false", stdout);
}

void json_null(const char *name)
{
	put_name(name);
	fputs("null", stdout);
}
