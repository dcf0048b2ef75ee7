// SPDX-License-Identifier: GPL-2.0
/*
 * What was seen: violations, instructions, operands.
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

struct violation {
	enum rule rule;
	const char *root;
	u64 addr;
	char *text;
	const char *profile;
	unsigned int profiles;
	unsigned int serial;
};

struct operand {
	u64 addr;
	enum class kind;
	char *insn;
	char *text;
	bool in_exit;
	unsigned int profiles;
	const struct profile *last;
};

/**
 * struct result - of one root on one machine
 * @root: the root
 * @profile: the machine
 * @paths: how many
 * @insns: instructions on the way to the hook, and on the way out
 * @operands: operands on both ways, by class
 */
struct result {
	const struct root *root;
	const struct profile *profile;
	struct paths paths;
	unsigned int insns[2];
	unsigned int operands[2][CLASSES];
};

static const char * const class_names[CLASSES] = {
	[CLASS_HW_STACK] = "entry-stack", [CLASS_EVENT_STACK] = "event-stack",
	[CLASS_TASK_STACK] = "task-stack", [CLASS_TRAMPOLINE] = "trampoline",
	[CLASS_ESPFIX] = "espfix", [CLASS_HANDLER_STACK] = "handler-stack",
	[CLASS_PERCPU] = "per-CPU", [CLASS_STATIC] = "static", [CLASS_OFFSETS] = "offsets",
	[CLASS_TABLES] = "tables", [CLASS_BAD] = "bad",
};

static const char * const rule_names[RULES][2] = {
	[RULE_SYMBOL] = { "symbol", "every symbol of the entry text is explained" },
	[RULE_HOOK] = { "hook", "every path from user mode passes an entry hook" },
	[RULE_OFF] = { "off", "no hook runs on a machine that has it off" },
	[RULE_GS] = { "gs", "no per-CPU access while GS may be the user's" },
	[RULE_CR3] = { "cr3", "hooks run with the kernel's page tables" },
	[RULE_CALL] = { "call", "nothing is called before a hook's end, or after a store" },
	[RULE_OPERAND] = { "operand", "only memory that is allowed is touched" },
	[RULE_INSN] = { "instruction", "only instructions that are known are executed" },
	[RULE_PATCHED] = { "patched", "nothing is patched while the kernel runs" },
	[RULE_KPROBE] = { "kprobe", "no kprobe can be put there" },
	[RULE_RANGE] = { "range", "hooks stay between the labels that the kernel tests for" },
	[RULE_GAP] = { "gap", "without a kernel stack, code is within the system call gap" },
	[RULE_LOCK] = { "lock", "LOADED is set by a locked instruction" },
	[RULE_FLUSH] = { "flush", "the flush toggles CR4.PGE and restores it" },
	[RULE_FLUSH_PENDING] = { "pending", "FLUSH_PENDING is dropped after the flush" },
	[RULE_WORD] = { "word", "the word gets no other value" },
	[RULE_SAVE] = { "save", "a paranoid entry keeps what the word was" },
	[RULE_EXIT] = { "exit", "every return is preceded by the exit hook that belongs to it" },
	[RULE_EXIT_TWICE] = { "exit-twice", "no exit store runs twice" },
	[RULE_EXIT_KERNEL] = { "exit-kernel", "no return to the kernel stores a user value" },
	[RULE_RETURN] = { "return", "every return instruction was walked to" },
	[RULE_LOOP] = { "loop", "no loops" },
	[RULE_FOLLOW] = { "follow", "every path can be followed" },
	[RULE_FEATURE] = { "feature", "each CPU feature of the zone was seen on and off" },
	[RULE_ROW] = { "row", "every row of verify/audit/rows explains something" },
};

const struct root *now_root;
const struct profile *now_profile;
unsigned int now_serial;

static struct violation *violations;
static size_t nr_violations;
static struct operand *operands;
static size_t nr_operands;
static struct result *results;
static size_t nr_results;
static u8 feature_seen[MAX_FEATURES];
static size_t machines, combinations;

/**
 * report_violation() - Keep that a rule is broken
 * @rule: which
 * @s: where, or NULL
 * @text: how
 */
void report_violation(enum rule rule, const struct state *s, const char *text)
{
	const char *root = now_root ? now_root->name : "";
	u64 addr = s ? s->pc : 0;
	struct violation *v;

	for (v = violations; v < violations + nr_violations; v++)
		if (v->rule == rule && v->addr == addr && v->root == root &&
		    !strcmp(v->text, text)) {
			v->profiles += v->serial != now_serial;
			v->serial = now_serial;
			return;
		}
	violations = xgrow(violations, nr_violations, sizeof(*violations));
	violations[nr_violations++] = (struct violation) {
		.rule = rule, .root = root, .addr = addr, .text = strdup(text), .profiles = 1,
		.profile = now_profile ? now_profile->name : "", .serial = now_serial,
	};
}

/**
 * report_machine() - What follows is about now_profile
 */
void report_machine(void)
{
	if (now_profile->listed)
		machines += now_profile->hooked;
	else
		combinations++;
}

/**
 * report_root_begin() - What follows is about now_root on now_profile
 */
void report_root_begin(void)
{
	now_serial++;
	if (!now_profile->listed && nr_results && !results[nr_results - 1].profile->listed)
		nr_results--;	/* one place for all those that are not printed */
	results = xgrow(results, nr_results, sizeof(*results));
	results[nr_results++] = (struct result) { .root = now_root, .profile = now_profile };
}

/**
 * report_root_end() - That was all
 * @paths: how many there were
 */
void report_root_end(const struct paths *paths)
{
	results[nr_results - 1].paths = *paths;
}

/**
 * note_instruction() - An instruction of the zone is executed
 * @insn: the instruction
 * @s: the state before it
 */
void note_instruction(struct decoded *insn, const struct state *s)
{
	bool out = s->phase == PHASE_EXIT;
	unsigned int *serial = out ? &insn->exit_serial : &insn->entry_serial;

	if (*serial == now_serial)
		return;
	*serial = now_serial;
	results[nr_results - 1].insns[out]++;
}

/**
 * note_operand() - An instruction of the zone uses memory that it may
 * @insn: the instruction
 * @s: the state before it
 * @kind: the kind of memory
 * @text: which
 *
 * Counted once for each root and machine, like instructions: the marks that
 * note_instruction() leaves cannot be used, since one may have several.
 */
void note_operand(const struct decoded *insn, const struct state *s, enum class kind,
		  const char *text)
{
	static struct {
		u64 addr;
		unsigned int serial;
		unsigned int what;
	} seen[16384];
	bool out = s->phase == PHASE_EXIT;
	unsigned int what = kind * 2 + out;
	u64 h = (s->pc * 31 + what) % ARRAY_SIZE(seen);
	struct operand *op;

	while (seen[h].serial == now_serial &&
	       (seen[h].addr != s->pc || seen[h].what != what))
		h = (h + 1) % ARRAY_SIZE(seen);
	if (seen[h].serial == now_serial)
		return;
	seen[h].addr = s->pc;
	seen[h].serial = now_serial;
	seen[h].what = what;
	results[nr_results - 1].operands[out][kind]++;
	if (!now_profile->listed)
		return;
	for (op = operands; op < operands + nr_operands; op++)
		if (op->addr == s->pc && op->kind == kind && op->in_exit == out &&
		    !strcmp(op->text, text)) {
			op->profiles += op->last != now_profile;
			op->last = now_profile;
			return;
		}
	operands = xgrow(operands, nr_operands, sizeof(*operands));
	operands[nr_operands++] = (struct operand) {
		.addr = s->pc, .kind = kind, .insn = strdup(insn->text), .text = strdup(text),
		.in_exit = out, .profiles = 1, .last = now_profile,
	};
}

/**
 * note_feature_used() - The zone has an instruction at an address
 * @addr: the address
 * @len: its length
 *
 * Which features decide what is there?
 */
void note_feature_used(u64 addr, unsigned int len)
{
	static const struct alt **zone;
	static size_t nr_zone;
	const struct alt *alts;
	size_t n;

	if (!zone) {
		n = alternatives(&alts);
		zone = xcalloc(n, sizeof(*zone));
		for (size_t i = 0; i < n; i++)
			if (!kprobe_possible(alts[i].site))
				zone[nr_zone++] = &alts[i];
	}
	for (size_t i = 0; i < nr_zone; i++)
		if (addr < zone[i]->site + zone[i]->len && zone[i]->site < addr + len)
			feature_seen[zone[i]->feature] |=
				now_profile->feature[zone[i]->feature] ? 2 : 1;
}

/**
 * report_feature_check() - Fail on features of the zone that did not vary
 */
void report_feature_check(void)
{
	char name[64];

	for (unsigned int f = 0; f < MAX_FEATURES; f++) {
		if (!feature_seen[f] || feature_seen[f] == 3 ||
		    f == constant("X86_FEATURE_COALESCE_TLBI"))
			continue;
		snprintf(name, sizeof(name), "%s", feature_name(f));
		if (!row_match("feature", name))
			fail(RULE_FEATURE, NULL, "%s is never %s in verify/audit/profiles", name,
			     feature_seen[f] == 1 ? "set" : "clear");
	}
}

/**
 * report_zone_features() - Which CPU features decide what is in the zone?
 * @list: set to their numbers
 *
 * Return: how many.
 */
size_t report_zone_features(unsigned int list[MAX_FEATURES])
{
	size_t n = 0;

	for (unsigned int f = 0; f < MAX_FEATURES; f++)
		if (feature_seen[f] == 3)
			list[n++] = f;
	return n;
}

static int by_addr(const void *a, const void *b)
{
	const struct operand *x = a, *y = b;

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

static void print_violation(FILE *f, const char *prefix, const struct violation *v)
{
	fprintf(f, "%s%s: ", prefix, rule_names[v->rule][0]);
	if (v->addr)
		fprintf(f, "%s: ", symbol_text(v->addr, false));
	fprintf(f, "%s", v->text);
	if (*v->root)
		fprintf(f, " (entered by %s, profile %s%s)", v->root, v->profile,
			v->profiles > 1 ? " and others" : "");
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

static void print_profiles(FILE *f)
{
	struct profile *list;
	size_t n = profiles(&list);

	fprintf(f, "\nBy machine, summed over entries\n");
	for (size_t i = 0; i < n; i++) {
		struct paths paths = { 0 };
		unsigned int insns[2] = { 0 }, ops[2][CLASSES] = { 0 }, roots = 0;

		for (const struct result *r = results; r < results + nr_results; r++) {
			if (r->profile != &list[i] || !list[i].hooked)
				continue;
			roots++;
			paths.entry += r->paths.entry;
			paths.exit += r->paths.exit;
			for (int out = 0; out < 2; out++) {
				insns[out] += r->insns[out];
				for (int c = 0; c < CLASSES; c++)
					ops[out][c] += r->operands[out][c];
			}
		}
		if (!roots)
			continue;
		fprintf(f, "  %-12s %u entries; in: %lu paths, %u instructions,",
			list[i].name, roots, paths.entry, insns[0]);
		print_classes(f, ops[0]);
		fprintf(f, "; out: %lu paths, %u instructions,", paths.exit, insns[1]);
		print_classes(f, ops[1]);
		fprintf(f, "\n");
	}
}

/* One line, which make audit shows */
static void print_sum(FILE *f)
{
	unsigned int ops[CLASSES] = { 0 };
	size_t roots = 0, insns[2] = { 0 };
	struct paths paths = { 0 };

	for (const struct result *r = results; r < results + nr_results; r++) {
		if (!r->profile->hooked)
			continue;
		roots++;
		paths.entry += r->paths.entry;
		paths.exit += r->paths.exit;
		for (int out = 0; out < 2; out++) {
			insns[out] += r->insns[out];
			for (int c = 0; c < CLASSES; c++)
				ops[c] += r->operands[out][c];
		}
	}
	fprintf(f, "All machines: %zu entries of %zu machines, %lu paths to a hook's end,",
		roots, machines, paths.entry);
	fprintf(f, " %lu from an exit's store; %zu and %zu instructions; operands:", paths.exit,
		insns[0], insns[1]);
	print_classes(f, ops);
	fprintf(f, "\n");
	if (combinations)
		fprintf(f, "And all %zu combinations of the CPU features that change the zone\n",
			combinations);
}

static void print_operands(FILE *f)
{
	qsort(operands, nr_operands, sizeof(*operands), by_addr);
	for (struct operand *op = operands; op < operands + nr_operands; op++) {
		if (op == operands || op->in_exit != op[-1].in_exit)
			fprintf(f, "\nEvery operand, from %s: where, kind, what, machines\n",
				op->in_exit ? "an exit hook's store to the return" :
				"an entry to the end of its hook");
		fprintf(f, "  %-52s %-13s %-36s %2u  %s\n", symbol_text(op->addr, false),
			class_names[op->kind], op->text, op->profiles, op->insn);
	}
}

static void write_text(FILE *f, const char *kernel)
{
	fprintf(f, "The danger zone of %s\n\n", kernel);
	if (nr_violations)
		fprintf(f, "%zu violations\n", nr_violations);
	for (size_t i = 0; i < nr_violations; i++)
		print_violation(f, "  ", &violations[i]);
	print_sum(f);
	print_profiles(f);
	print_results(f);
	print_operands(f);
	fprintf(f, "\nSites that are patched at run time, in the whole kernel\n");
	patched_print(f);
	fprintf(f, "\nWhat is allowed, and why\n");
	rows_print(f);
}

static bool broken(enum rule rule, const char *root)
{
	for (size_t i = 0; i < nr_violations; i++)
		if (root ? !strcmp(violations[i].root, root) : violations[i].rule == rule)
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

		for (size_t i = 0; bad && i < nr_violations; i++)
			if (violations[i].rule == rule)
				print_violation(f, "# ", &violations[i]);
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
	return nr_violations;
}

static FILE *open_out(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		die("%s: cannot be written", path);
	return f;
}

/**
 * report_write() - Write the report, and the verdict
 * @kernel: what the report calls the kernel
 * @text_path: where the report goes
 * @tap_path: where KTAP goes
 *
 * Return: 0, or 1 if a rule is broken.
 */
int report_write(const char *kernel, const char *text_path, const char *tap_path)
{
	FILE *text = open_out(text_path), *tap = open_out(tap_path);
	bool bad;

	/* What the machines that are not printed left in its place */
	if (nr_results && !results[nr_results - 1].profile->listed)
		nr_results--;
	qsort(results, nr_results, sizeof(*results), by_root);
	write_text(text, kernel);
	bad = write_tap(tap);
	if (fclose(text) || fclose(tap))
		die("%s, %s: cannot be written", text_path, tap_path);
	for (size_t i = 0; i < nr_violations && i < 20; i++)
		print_violation(stderr, "", &violations[i]);
	if (nr_violations > 20)
		fprintf(stderr, "and %zu more: %s\n", nr_violations - 20, text_path);
	return bad;
}
