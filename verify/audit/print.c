// SPDX-License-Identifier: GPL-2.0
/*
 * The report, and KTAP.
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

#define SHOWN	20	/* violations on standard error */

static const char * const class_names[CLASSES] = {
	[CLASS_HW_STACK] = "entry-stack", [CLASS_EVENT_STACK] = "event-stack",
	[CLASS_TASK_STACK] = "task-stack", [CLASS_TRAMPOLINE] = "trampoline",
	[CLASS_ESPFIX] = "espfix", [CLASS_HANDLER_STACK] = "handler-stack",
	[CLASS_PERCPU] = "per-CPU", [CLASS_STATIC] = "static",
	[CLASS_READ_ONLY] = "read-only", [CLASS_OFFSETS] = "offsets", [CLASS_TABLES] = "tables",
	[CLASS_BAD] = "bad",
};

static const char * const rule_names[RULES][2] = {
	[RULE_SYMBOL] = { "symbol", "every symbol of entry text is an entry, walked or exempt" },
	[RULE_HOOK] = { "hook", "every path from user mode passes an entry hook" },
	[RULE_OFF] = { "off", "no hook runs on a machine without the feature" },
	[RULE_GS] = { "gs", "no per-CPU access while GS may be the user's" },
	[RULE_CR3] = { "cr3", "hooks run with the kernel's page tables" },
	[RULE_CALL] = { "call", "nothing is called before a hook's end or after an exit store" },
	[RULE_OPERAND] = { "operand", "only allowed memory is accessed" },
	[RULE_INSN] = { "instruction", "only known instructions are executed" },
	[RULE_PATCHED] = { "patched", "nothing is patched at run time" },
	[RULE_KPROBE] = { "kprobe", "no kprobe can be put there" },
	[RULE_RANGE] = { "range", "hooks are between the labels that the kernel tests for" },
	[RULE_GAP] = { "gap", "without a kernel stack, code is within the system call gap" },
	[RULE_LOCK] = { "lock", "LOADED is set by a locked instruction" },
	[RULE_FLUSH] = { "flush", "the flush toggles CR4.PGE and restores it" },
	[RULE_PINNED] = { "pinned", "the flush changes no pinned bit of CR4" },
	[RULE_FENCE] = { "fence", "LFENCE comes next where no flush was due" },
	[RULE_FLUSH_PENDING] = { "pending",
				 "FLUSH_PENDING and FLUSH_ALWAYS are cleared after the flush" },
	[RULE_STATE] = { "state", "the per-CPU state gets no other value" },
	[RULE_SAVE] = { "save", "a paranoid entry saves the per-CPU state" },
	[RULE_EXIT] = { "exit", "every return comes after the exit hook that belongs to it" },
	[RULE_EXIT_TWICE] = { "exit-twice", "no exit store runs twice" },
	[RULE_EXIT_KERNEL] = { "exit-kernel", "no return to the kernel stores a user value" },
	[RULE_RETURN] = { "return", "every return instruction is reached" },
	[RULE_LOOP] = { "loop", "no loops" },
	[RULE_FOLLOW] = { "follow", "every path can be followed" },
	[RULE_FEATURE] = { "feature", "each CPU feature of pre-hook code was seen on and off" },
	[RULE_ROW] = { "row", "every row of verify/audit/rows is used" },
};

static int by_addr(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->in_exit != y->in_exit)
		return x->in_exit - y->in_exit;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int by_root(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return x->profile < y->profile ? -1 : x->profile > y->profile;
}

static void print_violation(FILE *f, const char *prefix, const struct finding *v)
{
	fprintf(f, "%s%s: ", prefix, rule_names[v->what][0]);
	if (v->addr)
		fprintf(f, "%s: ", symbol_text(v->addr, false));
	fprintf(f, "%s", v->text);
	if (*v->root)
		fprintf(f, " (entered by %s, profile %s%s)", v->root, v->profile,
			v->machines > 1 ? " and others" : "");
	fprintf(f, "\n");
}

static void print_classes(FILE *f, const unsigned int n[CLASSES])
{
	for (int c = 0; c < CLASS_BAD; c++)
		if (n[c])
			fprintf(f, " %s %u", class_names[c], n[c]);
}

static void print_results(FILE *f)
{
	fprintf(f, "\nBy entry and machine: paths, instructions, operands\n");
	for (const struct result *r = results; r < results + nr_results; r++) {
		if (!r->profile->listed)
			continue;
		if (r == results || r->root != r[-1].root)
			fprintf(f, "\n%s (%s)\n", r->root->name, r->root->kind);
		if (!r->profile->hooked) {
			fprintf(f, "  %-12s off\n", r->profile->name);
			continue;
		}
		fprintf(f, "  %-12s in: %lu paths, %u instructions,", r->profile->name,
			r->paths.entry, r->insns[0]);
		print_classes(f, r->operands[0]);
		fprintf(f, "; out: %lu paths, %u instructions,", r->paths.exit, r->insns[1]);
		print_classes(f, r->operands[1]);
		fprintf(f, "\n");
	}
}

/* Sum over the hooked entries of @profile, or of all; how many there are */
static unsigned int sum_results(const struct profile *profile, struct result *sum)
{
	unsigned int roots = 0;

	memset(sum, 0, sizeof(*sum));
	for (const struct result *r = results; r < results + nr_results; r++) {
		if (!r->profile->hooked || (profile && r->profile != profile))
			continue;
		roots++;
		sum->paths.entry += r->paths.entry;
		sum->paths.exit += r->paths.exit;
		for (int out = 0; out < 2; out++) {
			sum->insns[out] += r->insns[out];
			for (int c = 0; c < CLASSES; c++)
				sum->operands[out][c] += r->operands[out][c];
		}
	}
	return roots;
}

static void print_profiles(FILE *f)
{
	struct profile *list;
	size_t n = profiles(&list);

	fprintf(f, "\nBy machine, summed over entries\n");
	for (size_t i = 0; i < n; i++) {
		struct result sum;
		unsigned int roots = sum_results(&list[i], &sum);

		if (!roots)
			continue;
		fprintf(f, "  %-12s %u entries; in: %lu paths, %u instructions,",
			list[i].name, roots, sum.paths.entry, sum.insns[0]);
		print_classes(f, sum.operands[0]);
		fprintf(f, "; out: %lu paths, %u instructions,", sum.paths.exit, sum.insns[1]);
		print_classes(f, sum.operands[1]);
		fprintf(f, "\n");
	}
}

/* One line, which make audit shows */
static void print_sum(FILE *f)
{
	struct result sum;
	unsigned int roots = sum_results(NULL, &sum);

	for (int c = 0; c < CLASSES; c++)
		sum.operands[0][c] += sum.operands[1][c];
	fprintf(f, "All machines: %u entries of %zu machines, %lu paths to a hook's end,",
		roots, nr_machines, sum.paths.entry);
	fprintf(f, " %lu from an exit store; %u and %u instructions; operands:",
		sum.paths.exit, sum.insns[0], sum.insns[1]);
	print_classes(f, sum.operands[0]);
	fprintf(f, "\n");
	if (nr_combinations)
		fprintf(f, "And all %zu combinations of the CPU features that change this code\n",
			nr_combinations);
}

static void print_operands(FILE *f)
{
	const struct finding *end = operands.list + operands.n;

	qsort(operands.list, operands.n, sizeof(*operands.list), by_addr);
	for (const struct finding *op = operands.list; op < end; op++) {
		if (op == operands.list || op->in_exit != op[-1].in_exit)
			fprintf(f, "\nEvery operand, from %s: where, kind, what, machines\n",
				op->in_exit ? "an exit store to the return" :
				"an entry to the end of its hook");
		fprintf(f, "  %-52s %-13s %-36s %2u  %s\n", symbol_text(op->addr, false),
			class_names[op->what], op->text, op->machines, op->insn);
	}
}

static void write_text(FILE *f, const char *kernel)
{
	fprintf(f, "The pre-hook entry code of %s\n\n", kernel);
	if (violations.n)
		fprintf(f, "%zu violations\n", violations.n);
	for (size_t i = 0; i < violations.n; i++)
		print_violation(f, "  ", &violations.list[i]);
	print_sum(f);
	print_profiles(f);
	print_results(f);
	print_operands(f);
	fprintf(f, "\nSites that are patched at run time, in the whole kernel\n");
	patched_print(f);
	fprintf(f, "\nAllowed exceptions, and why\n");
	rows_print(f);
}

static bool broken(enum rule rule, const char *root)
{
	for (const struct finding *v = violations.list; v < violations.list + violations.n; v++)
		if (root ? !strcmp(v->root, root) : v->what == rule)
			return true;
	return false;
}

/* The rules, then the entries. */
static bool write_tap(FILE *f)
{
	const char *last = NULL;
	int n = 0;

	fprintf(f, "KTAP version 1\n");
	for (enum rule rule = 0; rule < RULES; rule++) {
		bool bad = broken(rule, NULL);

		for (size_t i = 0; bad && i < violations.n; i++)
			if (violations.list[i].what == rule)
				print_violation(f, "# ", &violations.list[i]);
		fprintf(f, "%sok %d rule %s: %s\n", bad ? "not " : "", ++n, rule_names[rule][0],
			rule_names[rule][1]);
	}
	for (const struct result *r = results; r < results + nr_results; r++) {
		if (r->root->name == last)
			continue;
		last = r->root->name;
		fprintf(f, "%sok %d entry %s\n", broken(0, last) ? "not " : "", ++n, last);
	}
	fprintf(f, "1..%d\n# verdict: complete\n", n);
	return violations.n;
}

static FILE *open_out(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		die("%s: cannot be written", path);
	return f;
}

/**
 * report_write() - Write the report and the verdict
 * @kernel: the name of the kernel in the report
 * @text_path: where the report goes
 * @tap_path: where KTAP goes
 *
 * Return: 0, or 1 if a rule is broken.
 */
int report_write(const char *kernel, const char *text_path, const char *tap_path)
{
	FILE *text = open_out(text_path), *tap = open_out(tap_path);
	bool bad;

	/* The slot of the machines that are not printed */
	if (nr_results && !results[nr_results - 1].profile->listed)
		nr_results--;
	qsort(results, nr_results, sizeof(*results), by_root);
	write_text(text, kernel);
	bad = write_tap(tap);
	if (fclose(text) || fclose(tap))
		die("%s, %s: cannot be written", text_path, tap_path);
	for (size_t i = 0; i < violations.n && i < SHOWN; i++)
		print_violation(stderr, "", &violations.list[i]);
	if (violations.n > SHOWN)
		fprintf(stderr, "and %zu more: %s\n", violations.n - SHOWN, text_path);
	return bad;
}
