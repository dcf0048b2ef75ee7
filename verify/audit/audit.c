// SPDX-License-Identifier: GPL-2.0
/*
 * audit [-a] VMLINUX CONSTANTS ROWS PROFILES REPORT TAP [CHANGE...]
 *
 * Finds every entry point of the kernel and walks every path from there, on every
 * machine of PROFILES.  With -a, also for all combinations of the CPU features that
 * change pre-hook entry code.  CHANGE breaks the kernel first, for the controls
 * (breakage.c).
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

static struct root *roots;
static size_t nr_roots;

/* Vectors for which the CPU pushes an error code (SDM vol. 3, table 6-1; #VC, #SX) */
static bool pushes_error_code(unsigned int vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 ||
	       vector == 29 || vector == 30;
}

static void add_root(const char *name, const char *kind, bool error_code, bool ist,
		     unsigned int contexts)
{
	u64 addr = symbol_addr(name);

	for (size_t i = 0; i < nr_roots; i++)
		if (roots[i].addr == addr) {
			roots[i].ist |= ist;
			return;
		}
	roots = xgrow(roots, nr_roots, sizeof(*roots));
	roots[nr_roots++] = (struct root) { name, addr, kind, error_code, ist, contexts };
}

/* struct idt_data of arch/x86/include/asm/desc_defs.h */
#define IDT_DATA_SIZE	24

static void add_table(const struct symbol *table)
{
	if (!table->size || table->size % IDT_DATA_SIZE)
		die("%s has %lu bytes: another struct idt_data?", table->name,
		    (unsigned long)table->size);
	for (u64 p = table->addr; p < table->addr + table->size; p += IDT_DATA_SIZE) {
		unsigned int vector = image_u32(p);
		unsigned int ist = image_u32(p + 8) & 7;
		u64 addr = image_u64(p + 16);
		const struct symbol *sym = symbol_at(addr, false);

		if (vector > 255 || !sym || sym->addr != addr)
			die("%s: an entry makes no sense: another struct idt_data?", table->name);
		add_root(sym->name, "idt", pushes_error_code(vector), ist, 3);
	}
}

/*
 * Stubs of equal size that push the number of a vector and jump.  The linker
 * knows the size of all of them, and the padding tells where the next begins.
 */
static void check_stubs(struct row *row)
{
	const struct symbol *stubs = symbol_find(row->arg[0]);
	u64 end = symbol_end(stubs), p = stubs->addr, next;
	u64 target = symbol_addr(row->arg[1]);
	unsigned int n = 0;

	while (p < end) {
		struct decoded *insn = decode(p);

		if (insn && insn->id == X86_INS_ENDBR64) {
			p += insn->size;
			insn = decode(p);
		}
		if (!insn || insn->id != X86_INS_PUSH ||
		    insn->cs->detail->x86.operands[0].type != X86_OP_IMM)
			break;
		p += insn->size;
		insn = decode(p);
		if (!insn || insn->id != X86_INS_JMP ||
		    insn->cs->detail->x86.operands[0].type != X86_OP_IMM ||
		    (u64)insn->cs->detail->x86.operands[0].imm != target)
			break;
		for (next = p + insn->size; next < end && *image_bytes(next, 1) == 0xcc; next++)
			;
		p = next;
		n++;
	}
	if (p < end)
		fail(RULE_SYMBOL, NULL, "%s: not a push of a number and a jump to %s",
		     symbol_text(p, false), row->arg[1]);
	row->used += n;
}

static unsigned int contexts_of(const struct row *row)
{
	if (row->nargs == 3 && !strcmp(row->arg[2], "user"))
		return 1;
	if (row->nargs == 3 && !strcmp(row->arg[2], "kernel"))
		return 2;
	if (row->nargs == 3 && !strcmp(row->arg[2], "both"))
		return 3;
	die("verify/audit/rows:%d: root NAME KIND user|kernel|both", row->line);
}

static void find_roots(void)
{
	struct row *row = NULL;

	while ((row = row_next("table", row))) {
		add_table(symbol_find(row->arg[0]));
		row->used++;
	}
	while ((row = row_next("root", row))) {
		unsigned int contexts = contexts_of(row);
		bool fred = !strncmp(row->arg[1], "fred", 4);

		add_root(row->arg[0], row->arg[1], !strcmp(row->arg[1], "idt-error") || fred,
			 !strcmp(row->arg[1], "fred-kernel"), contexts);
		row->used++;
	}
	if (!nr_roots)
		die("no entry found");
}

static bool is_kind(const struct root *root, const char *kind)
{
	return !strcmp(root->kind, kind);
}

static void start(struct state *s, const struct root *root, bool user)
{
	bool fred = !strncmp(root->kind, "fred", 4), pti;
	enum region stack = fred ? EVENT_STACK : HW_STACK;

	pti = now_profile->feature[constant("X86_FEATURE_PTI")];
	memset(s, 0, sizeof(*s));
	s->pc = root->addr;
	s->user = user;
	s->untouched = true;
	s->cpu_state = STATE_ANY;
	s->required = user || root->ist;
	s->paranoid = is_kind(root, "fred-kernel");
	if (is_kind(root, "fork")) {
		s->phase = PHASE_C;
		s->cpu_state = STATE_LOADED;
		s->gs = GS_KERNEL;
		s->cr3 = CR3_KERNEL;
		frame_put(s, TASK_STACK);
		s->reg[REG_SP] = val_stack(TASK_STACK, -16 * 8);
		return;
	}
	if (!is_kind(root, "syscall"))
		s->reg[REG_SP] = val_stack(stack, root->error_code ? -8 : 0);
	if (!is_kind(root, "syscall") && !is_kind(root, "sysenter"))
		frame_put(s, stack);
	if (fred) {
		s->gs = GS_KERNEL;	/* event delivery swaps it */
		s->cr3 = CR3_KERNEL;
	} else if (user) {
		s->gs = GS_USER;
		s->cr3 = pti ? CR3_USER : CR3_KERNEL;
	} else {
		s->gs = root->ist ? GS_UNKNOWN : GS_BY_IP;
		s->cr3 = root->ist && pti ? CR3_ANY : CR3_KERNEL;
	}
}

/* Only a machine with FRED enters by FRED, and it enters by nothing else. */
static bool enters_by(const struct root *root)
{
	bool fred = now_profile->feature[constant("X86_FEATURE_FRED")];

	return is_kind(root, "fork") || fred == !strncmp(root->kind, "fred", 4);
}

static void walk_root(const struct root *root)
{
	static struct state s;
	struct paths paths = { 0 }, more;

	if (!enters_by(root))
		return;
	now_root = root;
	note_root_begin();
	walk_reset();
	for (unsigned int context = 1; context <= 2; context++) {
		if (!(root->contexts & context))
			continue;
		start(&s, root, context == 1);
		more = walk(&s);
		paths.entry += more.entry;
		paths.exit += more.exit;
	}
	note_root_end(&paths);
	now_root = NULL;
}

/* Every symbol of the entry text is an entry point, is on a path, or is exempt. */
static void check_symbols(void)
{
	u64 start = symbol_addr("__entry_text_start"), end = symbol_addr("__entry_text_end");

	for (const struct symbol *sym = symbols_in(start, end, NULL); sym;
	     sym = symbols_in(start, end, sym)) {
		bool root = false;

		for (size_t i = 0; i < nr_roots; i++)
			root |= roots[i].addr == sym->addr;
		if (root || row_match("exempt", sym->name) || row_match("stubs", sym->name))
			continue;
		if (!was_visited(sym->addr, sym->addr + 1))
			fail(RULE_SYMBOL, NULL, "%s is no known entry, and no path reaches it",
			     sym->name);
	}
}

static void check_return_at(u64 addr, const char *text)
{
	const struct symbol *sym = symbol_at(addr, false);

	if (!was_visited(addr, addr + 1) && !(sym->size && row_match("exempt", sym->name)))
		fail(RULE_RETURN, NULL, "%s: no path reaches this %s", symbol_text(addr, false),
		     text);
}

static void find_fred_returns(u64 addr, u64 len)
{
	const u8 *p = image_bytes(addr, len);

	for (u64 i = 0; p && i + 4 <= len; i++)
		if ((p[i] == 0xf2 || p[i] == 0xf3) && p[i + 1] == 0x0f && p[i + 2] == 0x01 &&
		    p[i + 3] == 0xca)
			check_return_at(addr + i, p[i] == 0xf3 ? "eretu" : "erets");
}

/* Padding is INT3 or NOPs; alternatives begin and end where instructions do. */
static void check_returns(void)
{
	u64 addr = symbol_addr("__entry_text_start"), end = symbol_addr("__entry_text_end");

	image_reset();
	decode_reset();
	while (addr < end) {
		const struct symbol *sym = symbol_at(addr, false);
		struct decoded *insn;

		if (sym->size && row_match("exempt", sym->name)) {
			addr = symbol_end(sym) > addr ? symbol_end(sym) : addr + 1;
			continue;
		}
		insn = decode(addr);
		if (!insn) {
			fail(RULE_INSN, NULL, "%s: bytes that cannot be decoded",
			     symbol_text(addr, false));
			return;
		}
		if (insn->id == X86_INS_IRETQ || insn->id == X86_INS_SYSRET ||
		    insn->id == X86_INS_IRETD || insn->id == X86_INS_IRET ||
		    insn->id == X86_INS_SYSEXIT)
			check_return_at(addr, insn->text);
		addr += insn->size;
	}
	text_sections(find_fred_returns);
}

static void walk_machine(const struct profile *profile)
{
	now_profile = profile;
	note_machine();
	alternatives_apply(profile->feature);
	for (size_t r = 0; r < nr_roots; r++)
		walk_root(&roots[r]);
	now_profile = NULL;
}

/* All of them, whether or not there is such a machine. */
static void walk_combinations(void)
{
	static struct profile p = { .name = "a combination", .hooked = true };
	unsigned int list[MAX_FEATURES];
	size_t n = deciding_features(list);

	if (n > 16)
		die("%zu CPU features change pre-hook entry code: too many to combine", n);
	p.feature[constant("X86_FEATURE_ALWAYS")] = true;
	p.feature[constant("X86_FEATURE_COALESCE_TLBI")] = true;
	for (unsigned long set = 0; set < 1UL << n; set++) {
		for (size_t i = 0; i < n; i++)
			p.feature[list[i]] = set >> i & 1;
		walk_machine(&p);
	}
}

static void check_rows(void)
{
	struct row *row = NULL;

	while ((row = row_next(NULL, row)))
		if (!row->used)
			fail(RULE_ROW, NULL, "line %d: '%s %s' explains nothing in this kernel",
			     row->line, row->kind, row->arg[0]);
}

int main(int argc, char **argv)
{
	struct profile *list;
	struct row *row = NULL;
	bool all;
	size_t n;

	all = argc > 1 && !strcmp(argv[1], "-a");
	argc -= all;
	argv += all;
	if (argc < 7)
		die("usage: audit [-a] VMLINUX CONSTANTS ROWS PROFILES REPORT TAP [CHANGE...]");
	image_open(argv[1]);
	alternatives_read();
	constants_read(argv[2]);
	rows_read(argv[3]);
	profiles_read(argv[4]);
	for (int i = 7; i < argc; i++)
		break_kernel(argv[i]);
	find_roots();
	while ((row = row_next("stubs", row)))
		check_stubs(row);
	n = profiles(&list);
	for (size_t i = 0; i < n; i++)
		walk_machine(&list[i]);
	if (all)
		walk_combinations();
	check_symbols();
	check_returns();
	check_features();
	check_rows();
	return report_write(argv[1], argv[5], argv[6]);
}
