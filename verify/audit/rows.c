// SPDX-License-Identifier: GPL-2.0
/*
 * The data: constants of the kernel's headers, allowed exceptions, machines.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "audit.h"

struct constant {
	char *name;
	s64 value;
};

static struct constant *constants;
static size_t nr_constants;
static struct row *rows;
static size_t nr_rows;
static struct profile *list;
static size_t nr_profiles;

static FILE *open_data(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		die("%s: cannot be read", path);
	return f;
}

/**
 * constants_read() - Read lines of a name and a number
 * @path: the file, made from the kernel's headers
 */
void constants_read(const char *path)
{
	FILE *f = open_data(path);
	char name[128];
	long value;

	while (fscanf(f, "%127s %ld", name, &value) == 2) {
		constants = xgrow(constants, nr_constants, sizeof(*constants));
		constants[nr_constants++] = (struct constant) { strdup(name), value };
	}
	if (!feof(f))
		die("%s: line %zu is not a name and a number", path, nr_constants + 1);
	fclose(f);
}

/**
 * constant() - Look up a constant of the kernel's headers
 * @name: its name, or a number
 *
 * Return: its value.
 */
s64 constant(const char *name)
{
	char *end;
	long n = strtol(name, &end, 0);

	if (*name && !*end)
		return n;
	for (size_t i = 0; i < nr_constants; i++)
		if (!strcmp(constants[i].name, name)) {
			/* Those that are asked for often come first. */
			struct constant found = constants[i];

			if (i > 16) {
				memmove(constants + 1, constants, i * sizeof(*constants));
				constants[0] = found;
			}
			return found.value;
		}
	die("the kernel's headers have no %s", name);
}

/**
 * feature_name() - The name of a CPU feature
 * @feature: its number
 *
 * Return: its name without X86_FEATURE_.
 */
const char *feature_name(unsigned int feature)
{
	for (size_t i = 0; i < nr_constants; i++) {
		if (constants[i].value != feature)
			continue;
		if (!strncmp(constants[i].name, "X86_FEATURE_", 12))
			return constants[i].name + 12;
		if (!strncmp(constants[i].name, "X86_BUG_", 8))
			return constants[i].name;
	}
	return xprintf("feature %u", feature);
}

/* KIND ARGUMENT... : REASON, which may go on in lines that begin with a blank */
static void parse_row(const char *path, char *text, int line)
{
	char *colon = strstr(text, " : "), *word;
	struct row *row;

	if (!colon || !colon[3])
		die("%s:%d: no reason", path, line);
	*colon = 0;
	rows = xgrow(rows, nr_rows, sizeof(*rows));
	row = &rows[nr_rows++];
	memset(row, 0, sizeof(*row));
	row->reason = strdup(colon + 3);
	row->line = line;
	row->kind = strdup(strtok(text, " \t"));
	while ((word = strtok(NULL, " \t"))) {
		if (row->nargs == MAX_ARGS)
			die("%s:%d: too many words", path, line);
		row->arg[row->nargs++] = strdup(word);
	}
	if (!row->nargs)
		die("%s:%d: what is it about?", path, line);
}

/* Does this kernel have the symbol that the row is about? */
static bool row_here(const struct row *row)
{
	char name[128];

	if (!strcmp(row->kind, "feature"))
		return true;
	snprintf(name, sizeof(name), "%s", row->arg[0]);
	name[strcspn(name, "+")] = 0;
	if (!strpbrk(name, "*?"))
		return symbol_find(name);
	for (const struct symbol *sym = symbols_in(0, UINT64_MAX, NULL); sym;
	     sym = symbols_in(0, UINT64_MAX, sym))
		if (!fnmatch(name, sym->name, 0))
			return true;
	return false;
}

static void check_row(const char *path, const struct row *row)
{
	static const char * const kinds[] = {
		"table", "stubs", "root", "exempt", "untouched", "dies", "call", "stack",
		"pointer", "array", "constant", "fault", "gap", "within", "feature",
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(row->kind, kinds[i]))
			return;
	die("%s:%d: no such kind of row: %s", path, row->line, row->kind);
}

/**
 * rows_read() - Read the allowed exceptions
 * @path: the file
 */
void rows_read(const char *path)
{
	FILE *f = open_data(path);
	char *text = NULL, *buf = NULL;
	size_t size = 0;
	int line = 0, first = 0;

	while (getline(&buf, &size, f) > 0) {
		line++;
		buf[strcspn(buf, "\n")] = 0;
		if (*buf == '#' || !*buf)
			continue;
		if (*buf == '\t' || *buf == ' ') {
			if (!text)
				die("%s:%d: goes on after nothing", path, line);
			text = xprintf("%s %s", text, buf + strspn(buf, " \t"));
			continue;
		}
		if (text)
			parse_row(path, text, first);
		text = strdup(buf);
		first = line;
	}
	if (text)
		parse_row(path, text, first);
	fclose(f);
	for (size_t i = 0; i < nr_rows; i++) {
		check_row(path, &rows[i]);
		rows[i].here = row_here(&rows[i]);
	}
}

/**
 * row_next() - Go through the rows of a kind that are about this kernel
 * @kind: the kind, or NULL for all
 * @prev: the row that was returned last, or NULL
 *
 * Return: the next one, or NULL.
 */
struct row *row_next(const char *kind, struct row *prev)
{
	for (prev = prev ? prev + 1 : rows; prev < rows + nr_rows; prev++)
		if (prev->here && (!kind || !strcmp(prev->kind, kind)))
			return prev;
	return NULL;
}

/**
 * row_match() - Find a row about a name
 * @kind: the kind of row
 * @name: the name
 *
 * Return: the first one, which counts as used, or NULL.
 */
struct row *row_match(const char *kind, const char *name)
{
	struct row *row = NULL;

	while ((row = row_next(kind, row)))
		if (!fnmatch(row->arg[0], name, 0)) {
			row->used++;
			return row;
		}
	return NULL;
}

/**
 * rows_print() - Print the allowed exceptions and their reasons
 * @f: the file
 */
void rows_print(FILE *f)
{
	for (size_t i = 0; i < nr_rows; i++) {
		struct row *row = &rows[i];

		fprintf(f, "  %s", row->kind);
		for (int j = 0; j < row->nargs; j++)
			fprintf(f, " %s", row->arg[j]);
		fprintf(f, "\n      %s\n      ", row->reason);
		if (row->here)
			fprintf(f, "used %lu times\n", row->used);
		else
			fprintf(f, "not in this kernel\n");
	}
}

static unsigned int feature_number(const char *path, int line, const char *word)
{
	bool bug = !strncmp(word, "BUG_", 4);
	char *name = xprintf("X86_%s%s", bug ? "" : "FEATURE_", word);
	s64 n = constant(name);

	if (n < 0 || n >= MAX_FEATURES)
		die("%s:%d: feature %s has number %ld", path, line, word, (long)n);
	free(name);
	return n;
}

/**
 * profiles_read() - Read the machines
 * @path: the file, with lines NAME FEATURE...
 */
void profiles_read(const char *path)
{
	FILE *f = open_data(path);
	char *buf = NULL, *word;
	size_t size = 0;
	int line = 0;

	while (getline(&buf, &size, f) > 0) {
		struct profile *p;

		line++;
		if (*buf == '#' || *buf == '\n')
			continue;
		list = xgrow(list, nr_profiles, sizeof(*list));
		p = &list[nr_profiles++];
		memset(p, 0, sizeof(*p));
		p->listed = true;
		p->name = strdup(strtok(buf, " \t\n"));
		p->feature[constant("X86_FEATURE_ALWAYS")] = true;
		while ((word = strtok(NULL, " \t\n")))
			p->feature[feature_number(path, line, word)] = true;
		p->hooked = p->feature[constant("X86_FEATURE_COALESCE_TLBI")];
	}
	if (!nr_profiles)
		die("%s: no profile", path);
	fclose(f);
}

/**
 * profiles() - The machines
 * @first: set to the first
 *
 * Return: their number.
 */
size_t profiles(struct profile **first)
{
	*first = list;
	return nr_profiles;
}
