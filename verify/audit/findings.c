// SPDX-License-Identifier: GPL-2.0
/*
 * What is found: violations, instructions, operands, paths.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "audit.h"

struct findings violations, operands;
struct result *results;
size_t nr_results, nr_machines, nr_combinations;
const struct root *now_root;
const struct profile *now_profile;

/* Changes with the root and with the machine */
static unsigned int now_serial;
static u8 feature_seen[MAX_FEATURES];

/*
 * Keep a finding.  One that is known gets another machine instead, unless that is
 * the one of its mark.
 */
static void keep(struct findings *all, const struct finding *new)
{
	struct finding *f;

	for (f = all->list; f < all->list + all->n; f++)
		if (f->what == new->what && f->addr == new->addr && f->root == new->root &&
		    f->in_exit == new->in_exit && !strcmp(f->text, new->text)) {
			f->machines += f->mark != new->mark;
			f->mark = new->mark;
			return;
		}
	all->list = xgrow(all->list, all->n, sizeof(*all->list));
	f = &all->list[all->n++];
	*f = *new;
	f->text = strdup(new->text);
	f->insn = strdup(new->insn);
	f->machines = 1;
}

/**
 * fail() - Note that a rule is broken
 * @rule: the rule
 * @s: where, or NULL
 * @fmt: how
 */
void fail(enum rule rule, const struct state *s, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	keep(&violations, &(struct finding) {
		.what = rule, .addr = s ? s->pc : 0, .root = now_root ? now_root->name : "",
		.text = text, .insn = "", .profile = now_profile ? now_profile->name : "",
		.mark = now_serial,
	});
}

/**
 * note_machine() - The walk of now_profile begins
 */
void note_machine(void)
{
	if (now_profile->listed)
		nr_machines += now_profile->hooked;
	else
		nr_combinations++;
}

/**
 * note_root_begin() - The walk from now_root on now_profile begins
 */
void note_root_begin(void)
{
	now_serial++;
	if (!now_profile->listed && nr_results && !results[nr_results - 1].profile->listed)
		nr_results--;	/* one slot for all those that are not printed */
	results = xgrow(results, nr_results, sizeof(*results));
	results[nr_results++] = (struct result) { .root = now_root, .profile = now_profile };
}

/**
 * note_root_end() - The walk from now_root on now_profile ends
 * @paths: the paths that it found
 */
void note_root_end(const struct paths *paths)
{
	results[nr_results - 1].paths = *paths;
}

/**
 * note_instruction() - Count an instruction of pre-hook entry code
 * @insn: the instruction
 * @s: the state before it
 *
 * Once for each root and machine.
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

/* Was an operand of a class seen at @addr since now_serial changed? */
static bool seen_before(u64 addr, unsigned int what)
{
	static struct {
		u64 addr;
		unsigned int serial;
		unsigned int what;
	} seen[16384];
	u64 h = (addr * 31 + what) % ARRAY_SIZE(seen);

	for (; seen[h].serial == now_serial; h = (h + 1) % ARRAY_SIZE(seen))
		if (seen[h].addr == addr && seen[h].what == what)
			return true;
	seen[h].addr = addr;
	seen[h].serial = now_serial;
	seen[h].what = what;
	return false;
}

/**
 * note_operand() - Count an operand of pre-hook entry code that is allowed
 * @insn: the instruction
 * @s: the state before it
 * @kind: the kind of memory
 * @text: the memory, in words
 *
 * Once for each root and machine, like instructions.  The marks that
 * note_instruction() leaves cannot be used: an instruction may have several.
 */
void note_operand(const struct decoded *insn, const struct state *s, enum class kind,
		  const char *text)
{
	bool out = s->phase == PHASE_EXIT;

	if (seen_before(s->pc, kind * 2 + out))
		return;
	results[nr_results - 1].operands[out][kind]++;
	if (now_profile->listed)
		keep(&operands, &(struct finding) {
			.what = kind, .addr = s->pc, .text = text, .insn = insn->text,
			.in_exit = out, .mark = (uintptr_t)now_profile,
		});
}

/**
 * note_feature_used() - Note the features that decide what an instruction is
 * @addr: address of the instruction, in pre-hook entry code
 * @len: its length
 */
void note_feature_used(u64 addr, unsigned int len)
{
	static const struct alt **entry_alts;
	static size_t nr_entry_alts;
	const struct alt *alts;
	size_t n;

	if (!entry_alts) {
		n = alternatives(&alts);
		entry_alts = xcalloc(n, sizeof(*entry_alts));
		for (size_t i = 0; i < n; i++)
			if (!kprobe_possible(alts[i].site))
				entry_alts[nr_entry_alts++] = &alts[i];
	}
	for (size_t i = 0; i < nr_entry_alts; i++) {
		const struct alt *alt = entry_alts[i];

		if (addr < alt->site + alt->len && alt->site < addr + len)
			feature_seen[alt->feature] |= now_profile->feature[alt->feature] ? 2 : 1;
	}
}

/**
 * check_features() - Fail on features of pre-hook entry code that did not vary
 */
void check_features(void)
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
 * deciding_features() - The CPU features that decide what pre-hook entry code is
 * @list: set to their numbers
 *
 * Return: how many there are.
 */
size_t deciding_features(unsigned int list[MAX_FEATURES])
{
	size_t n = 0;

	for (unsigned int f = 0; f < MAX_FEATURES; f++)
		if (feature_seen[f] == 3)
			list[n++] = f;
	return n;
}
