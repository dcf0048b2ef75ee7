// SPDX-License-Identifier: GPL-2.0
/*
 * Every path from an entry point of the kernel to a return instruction.  C
 * functions are stepped over: they preserve the registers that the ABI names.
 *
 * A path that reaches an instruction in a state that another path had there is not
 * walked again.
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

#define MEMO_BUCKETS	16384
#define PT_REGS_BELOW	(16 * 8)	/* of the frame's IP: 15 registers, orig_ax */

enum step { STEP_NEXT, STEP_JUMP, STEP_FORK, STEP_END, STEP_RETURN };

struct memo {
	struct memo *next;
	u64 hash[2];
	struct paths paths;
	bool done;
};

static struct memo *memos[MEMO_BUCKETS];
static u8 *visited;
static u64 visited_start, visited_end;

/**
 * walk_reset() - Forget the paths that were walked
 */
void walk_reset(void)
{
	for (size_t i = 0; i < MEMO_BUCKETS; i++) {
		struct memo *m = memos[i], *next;

		for (; m; m = next) {
			next = m->next;
			free(m);
		}
		memos[i] = NULL;
	}
}

static void visit(u64 addr)
{
	if (!visited) {
		visited_start = symbol_addr("_stext");
		visited_end = symbol_addr("_etext");
		visited = xcalloc(visited_end - visited_start, 1);
	}
	if (addr >= visited_start && addr < visited_end)
		visited[addr - visited_start] = 1;
}

/**
 * was_visited() - Did a path on any machine reach an instruction there?
 * @start: first address
 * @end: the one after the last
 *
 * Return: true if one did.
 */
bool was_visited(u64 start, u64 end)
{
	for (; visited && start < end; start++)
		if (start >= visited_start && start < visited_end &&
		    visited[start - visited_start])
			return true;
	return false;
}

static struct memo *memo_of(const struct state *s)
{
	const u64 *p = (const u64 *)s;
	u64 h = 14695981039346656037ULL, g = 88172645463325252ULL;
	struct memo *m;

	for (size_t i = 0; i < sizeof(*s) / 8; i++) {
		h = (h ^ p[i]) * 1099511628211ULL;
		h ^= h >> 29;
		g = (g + p[i]) * 6364136223846793005ULL + i;
		g ^= g >> 31;
	}
	for (m = memos[h % MEMO_BUCKETS]; m; m = m->next)
		if (m->hash[0] == h && m->hash[1] == g)
			return m;
	m = xcalloc(1, sizeof(*m));
	m->hash[0] = h;
	m->hash[1] = g;
	m->next = memos[h % MEMO_BUCKETS];
	memos[h % MEMO_BUCKETS] = m;
	return m;
}

/* The row of a fault at @ip, or at its address truncated to 32 bits */
static struct row *fault_row(u64 ip, bool *truncated)
{
	struct row *row = NULL;

	while ((row = row_next("fault", row))) {
		const struct symbol *sym = symbol_find(row->arg[0]);

		*truncated = ip == (u32)sym->addr;
		if (*truncated || ip == sym->addr ||
		    (!strcmp(row->arg[1], "gs") && ip > sym->addr && ip < symbol_end(sym)))
			return row;
	}
	return NULL;
}

static void learn_ip(struct state *s, bool equal)
{
	bool truncated, gs;
	struct row *row = fault_row(s->flags_n, &truncated);

	if (!row || s->user || s->paranoid)
		return;
	row->used++;
	gs = !strcmp(row->arg[1], "gs");
	if (gs && s->gs == GS_BY_IP) {
		s->gs = equal ? GS_USER : GS_KERNEL;
	} else if (!gs && equal) {
		s->required = true;
		s->cpu_state = STATE_ANY;
		s->gs = GS_USER;
		s->cr3 = CR3_USER;
	} else if (!gs) {
		s->ip_seen |= truncated ? 2 : 1;
		if (s->ip_seen == 3 && !s->required && s->phase == PHASE_ENTRY)
			s->phase = PHASE_C;
	}
}

/* Learn from the outcome of a condition; false if that outcome is impossible. */
static bool learn(struct state *s, bool zero)
{
	unsigned int set;

	switch (s->flags) {
	case FLAGS_CONST:
		return zero == s->flags_n;
	case FLAGS_CS:
		return zero == !s->user;
	case FLAGS_SS:
		return zero || s->user;
	case FLAGS_IP:
		if (zero && s->user)
			return false;
		learn_ip(s, zero);
		break;
	case FLAGS_STATE_LOADED:
	case FLAGS_SAVED_LOADED:
		set = zero ? STATE_LOADED : STATE_ANY & ~STATE_LOADED;
		if (!(s->cpu_state & set))
			return false;
		cpu_state_set(s, s->cpu_state & set);
		break;
	case FLAGS_STATE_FLUSH:
		set = zero ? STATE_0 | STATE_LOADED :
			     STATE_FLUSH | STATE_LOADED_FLUSH;
		if (!(s->cpu_state & set))
			return false;
		s->unfenced = zero && pre_hook(s);
		cpu_state_set(s, s->cpu_state & set);
		break;
	case FLAGS_EXIT_LOADED:
		if (zero)
			exit_done(s);
		break;
	case FLAGS_SAVED_HAS:
		s->restored = !zero;
		s->restoring = zero;
		break;
	}
	return true;
}

static bool learn_gs(struct state *s, bool negative)
{
	if (s->gs == GS_USER || s->gs == GS_KERNEL)
		return negative == (s->gs == GS_KERNEL);
	s->gs = negative ? GS_KERNEL : GS_USER;
	return true;
}

static bool learn_cr3(struct state *s, bool user)
{
	if (s->cr3 != CR3_ANY)
		return user == (s->cr3 == CR3_USER);
	s->cr3 = user ? CR3_USER : CR3_KERNEL;
	return true;
}

/* Learn that a jump is taken, or not; false if that is impossible. */
static bool outcome(struct state *s, unsigned int id, bool taken)
{
	bool possible = true;

	if (id == X86_INS_JE || id == X86_INS_JNE)
		possible = learn(s, taken == (id == X86_INS_JE));
	else if (s->flags == FLAGS_GS_SIGN && (id == X86_INS_JS || id == X86_INS_JNS))
		possible = learn_gs(s, taken == (id == X86_INS_JS));
	else if (s->flags == FLAGS_CR3 && (id == X86_INS_JB || id == X86_INS_JAE))
		possible = learn_cr3(s, taken == (id == X86_INS_JB));
	s->flags_n = s->flags == FLAGS_CONST ? s->flags_n : 0;
	if (s->flags != FLAGS_CONST)
		s->flags = FLAGS_NONE;
	return possible;
}

static enum step do_branch(struct state *s, struct decoded *insn, struct state *other)
{
	bool taken, fallen;

	*other = *s;
	taken = outcome(other, insn->id, true);
	fallen = outcome(s, insn->id, false);
	other->pc = insn->cs->detail->x86.operands[0].imm;
	s->pc += insn->size;
	if (taken && fallen)
		return STEP_FORK;
	if (!taken && !fallen)
		return STEP_END;
	if (taken)
		*s = *other;
	return STEP_JUMP;
}

/* Is this text that is walked?  All else is C functions. */
static bool walkable(u64 addr)
{
	static const char * const more[] = {
		"asm_fred_entrypoint_user", "asm_fred_exit_user", "asm_fred_entrypoint_kernel",
		"ret_from_fork_asm",
	};
	const struct symbol *sym;

	if (addr >= symbol_addr("__entry_text_start") && addr < symbol_addr("__entry_text_end"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		sym = symbol_find(more[i]);
		if (sym && addr >= sym->addr && addr < symbol_end(sym))
			return true;
	}
	return false;
}

static enum step do_return(struct state *s, struct decoded *insn)
{
	struct val to;

	check_stack(s, insn, "return address");
	to = stack_pop(s);
	if (to.kind != VAL_CONST) {
		fail(RULE_FOLLOW, s, "returns to an unknown address: %s", insn->text);
		return STEP_END;
	}
	s->pc = to.n;
	return STEP_JUMP;
}

/* A C function at @target.  After a tail call, it returns to the caller's caller. */
static enum step c_function(struct state *s, struct decoded *insn, u64 target, bool tail)
{
	static const int clobbered[] = { 0, 1, 2, 6, 7, 8, 9, 10, 11 };
	const char *name = symbol_text(target, false);
	struct row *row;

	if (!now_profile->hooked) {
		if (s->paranoid && !(s->reg[REG_R13].kind == VAL_CONST &&
				     s->reg[REG_R13].n == constant("KERNEL_CR3_LOADED")))
			fail(RULE_SAVE, s, "%%r13 is not preset for an exit that is patched later");
		return STEP_END;
	}
	if (s->phase == PHASE_ENTRY)
		check_leaves_entry(s, name);
	else if (s->phase == PHASE_EXIT)
		fail(RULE_CALL, s, "%s is called after the exit store", name);
	if (s->paranoid && s->user && row_match("dies", now_root->name))
		return STEP_END;
	for (size_t i = 0; i < ARRAY_SIZE(clobbered); i++)
		s->reg[clobbered[i]] = (struct val) { 0 };
	s->flags = FLAGS_NONE;
	/* stack FUNCTION STACK user|same */
	row = row_match("stack", name);
	if (row) {
		enum region stack = region_named(row->arg[1]);

		s->reg[REG_AX] = val_stack(stack, -PT_REGS_BELOW);
		frame_put(s, stack);
		if (!strcmp(row->arg[2], "user"))
			s->user = true;
	}
	if (tail)
		return do_return(s, insn);
	s->pc += insn->size;
	return STEP_JUMP;
}

static enum step do_jump(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;

	if (op[0].type != X86_OP_IMM) {
		fail(RULE_FOLLOW, s, "an indirect jump: %s", insn->text);
		return STEP_END;
	}
	if (!strcmp(symbol_text(op[0].imm, false), "__x86_return_thunk"))
		return do_return(s, insn);
	if (!walkable(op[0].imm))
		return c_function(s, insn, op[0].imm, true);
	s->pc = op[0].imm;
	return STEP_JUMP;
}

static enum step do_call(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;
	const char *name;

	if (op[0].type != X86_OP_IMM) {
		if (pre_hook(s))
			fail(RULE_CALL, s, "an indirect call: %s", insn->text);
		return c_function(s, insn, s->pc, false);
	}
	name = symbol_text(op[0].imm, false);
	if (!row_match("call", name))
		return c_function(s, insn, op[0].imm, false);
	check_stack(s, insn, "return address");
	stack_push(s, val_const(s->pc + insn->size));
	if (!strcmp(name, "paranoid_entry"))
		s->paranoid = true;
	s->pc = op[0].imm;
	return STEP_JUMP;
}

static enum step do_iret(struct state *s, struct decoded *insn)
{
	const struct val *sp = &s->reg[REG_SP];
	struct val *ip, *cs, *to;

	check_stack(s, insn, "frame");
	check_tables(s, insn, "GDT, LDT (iretq)");
	if (sp->kind != VAL_STACK)
		return STEP_END;
	ip = slot(s, sp->region, sp->n);
	cs = slot(s, sp->region, sp->n + 8);
	to = slot(s, sp->region, sp->n + 24);
	if (cs && cs->kind == VAL_CONST && !(cs->n & 3) && ip->kind == VAL_CONST && to) {
		/* To itself: asm_exc_nmi with CONFIG_DEBUG_ENTRY */
		s->pc = ip->n;
		s->reg[REG_SP] = *to;
		return STEP_JUMP;
	}
	if (cs && cs->kind == VAL_CONST)
		check_return(s, cs->n & 3);
	else if (cs && cs->kind == VAL_FRAME && cs->n == FRAME_CS)
		check_return(s, s->user);
	else
		fail(RULE_FOLLOW, s, "returns to an unknown mode");
	return STEP_RETURN;
}

static bool is_branch(unsigned int id)
{
	switch (id) {
	case X86_INS_JE: case X86_INS_JNE: case X86_INS_JS: case X86_INS_JNS:
	case X86_INS_JB: case X86_INS_JAE: case X86_INS_JA: case X86_INS_JBE:
	case X86_INS_JG: case X86_INS_JGE: case X86_INS_JL: case X86_INS_JLE:
	case X86_INS_JO: case X86_INS_JNO: case X86_INS_JP: case X86_INS_JNP:
		return true;
	default:
		return false;
	}
}

static void check_operands(struct state *s, struct decoded *insn)
{
	const cs_x86 *x86;

	if (!insn->cs || insn->id == X86_INS_LEA || insn->id == X86_INS_NOP)
		return;
	x86 = &insn->cs->detail->x86;
	for (int i = 0; i < x86->op_count; i++)
		if (x86->operands[i].type == X86_OP_MEM)
			check_memory(s, insn, &x86->operands[i]);
}

static enum step execute(struct state *s, struct decoded *insn, struct state *other)
{
	check_fence(s, insn);
	check_operands(s, insn);
	if (is_branch(insn->id))
		return do_branch(s, insn, other);
	switch (insn->id) {
	case X86_INS_JMP:
		return do_jump(s, insn);
	case X86_INS_CALL:
		return do_call(s, insn);
	case X86_INS_RET:
		return do_return(s, insn);
	case X86_INS_IRETQ:
		return do_iret(s, insn);
	case X86_INS_SYSRET:
		check_return(s, true);
		return STEP_RETURN;
	case INS_ERETU:
	case INS_ERETS:
		check_stack(s, insn, "frame");
		check_return(s, insn->id == INS_ERETU);
		return STEP_RETURN;
	case X86_INS_UD2:
	case X86_INS_INT3:
		return STEP_END;
	}
	check_known(s, insn);
	do_plain(s, insn);
	s->pc += insn->size;
	return STEP_NEXT;
}

static void add(struct paths *sum, u8 before, struct state *s)
{
	struct paths more;
	bool left = before == PHASE_ENTRY && s->phase != PHASE_ENTRY;

	more = walk(s);
	sum->entry += left ? 1 : more.entry;
	sum->exit += more.exit;
}

static struct paths walk_on(struct state *s)
{
	struct paths paths = { 0 };
	struct state other;

	for (;;) {
		struct decoded *insn = decode(s->pc);
		u8 before = s->phase;

		if (!insn) {
			fail(RULE_INSN, s, "bytes that cannot be decoded");
			return paths;
		}
		visit(s->pc);
		check_place(s, insn);
		switch (execute(s, insn, &other)) {
		case STEP_FORK:
			add(&paths, before, &other);
			add(&paths, before, s);
			return paths;
		case STEP_JUMP:
			add(&paths, before, s);
			return paths;
		case STEP_RETURN:
			paths.entry = s->phase == PHASE_ENTRY;
			paths.exit = s->phase == PHASE_EXIT;
			return paths;
		case STEP_END:
			return paths;
		case STEP_NEXT:
			if (s->phase != before) {
				add(&paths, before, s);
				return paths;
			}
		}
	}
}

/**
 * walk() - Walk every path from here
 * @s: what is known here; undefined afterwards
 *
 * Return: the number of paths that were not counted before.
 */
struct paths walk(struct state *s)
{
	struct memo *memo = memo_of(s);
	struct paths paths = { 0 };
	u8 phase = s->phase;

	if (!memo->done && memo->paths.entry) {
		if (pre_hook(s))
			fail(RULE_LOOP, s, "a loop");
		return paths;
	}
	if (memo->done) {
		if (phase == PHASE_ENTRY)
			paths.entry = memo->paths.entry;
		if (phase == PHASE_EXIT)
			paths.exit = memo->paths.exit;
		return paths;
	}
	memo->paths.entry = 1;	/* being walked */
	paths = walk_on(s);
	memo->paths = paths;
	memo->done = true;
	return paths;
}
