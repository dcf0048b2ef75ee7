// SPDX-License-Identifier: GPL-2.0
/*
 * Memory and errors.
 */
#include <stdarg.h>
#include <stdlib.h>
#include "audit.h"

/**
 * die() - End the program with one line: bad input, or a bug here
 * @fmt: what the line says
 */
void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "audit: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(2);
}

/**
 * xcalloc() - Allocate zeroed memory
 * @n: number of elements
 * @size: size of one
 *
 * Return: the memory.
 */
void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("out of memory");
	return p;
}

/**
 * xgrow() - Make room for one more element
 * @p: the array
 * @n: number of elements in it
 * @size: size of one
 *
 * Return: the array.
 */
void *xgrow(void *p, size_t n, size_t size)
{
	if (n & (n - 1))
		return p;
	p = realloc(p, (n ? 2 * n : 1) * size);
	if (!p)
		die("out of memory");
	return p;
}

/**
 * xprintf() - Print into new memory
 * @fmt: what to print
 *
 * Return: the text.
 */
char *xprintf(const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		die("out of memory");
	va_end(args);
	return text;
}
