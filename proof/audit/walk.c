// SPDX-License-Identifier: GPL-2.0
/*
 * Every path from where the kernel is entered to where it returns.  Functions in
 * C are stepped over: they keep the registers that the ABI says they keep.
 *
 * A path that comes to a place with all the same known as another did is not
 * walked again.
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

#define MEMO_BUCKETS	(1 << 14)
#define PT_REGS_BELOW	(16 * 8)	/* of the frame's IP: 15 registers, orig_ax */

enum step { STEP_NEXT, STEP_JUMP, STEP_FORK, STEP_END, STEP_RETURN };

struct memo {
	struct memo *next;
	uint64_t hash[2];
	struct paths paths;
	bool done;
};

static struct memo *memos[MEMO_BUCKETS];
static uint8_t *visited;
static uint64_t visited_start, visited_end;

/**
 * walk_reset() - Forget which paths were walked
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

static void visit(uint64_t addr)
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
 * was_visited() - Did any path, on any machine, run an instruction there?
 * @start: first address
 * @end: the one after the last
 *
 * Return: true if one did.
 */
bool was_visited(uint64_t start, uint64_t end)
{
	for (; visited && start < end; start++)
		if (start >= visited_start && start < visited_end &&
		    visited[start - visited_start])
			return true;
	return false;
}

static struct memo *memo_of(const struct state *s)
{
	const uint64_t *p = (const uint64_t *)s;
	uint64_t h = 14695981039346656037ULL, g = 88172645463325252ULL;
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

static struct val unknown(void)
{
	return (struct val) { 0 };
}

/* The value of @bytes of @v: a test of the lowest byte of a frame's word is one of it. */
static struct val narrow(struct val v, unsigned int bytes)
{
	if (bytes == 8)
		return v;
	if (v.kind == VAL_CONST)
		v.n &= (1ULL << 8 * bytes) - 1;
	else if (v.kind == VAL_STACK)
		return unknown();
	return v;
}

static enum region region_named(const char *name)
{
	for (int i = 0; i < REGIONS; i++)
		if (!strcmp(region_name(i), name))
			return i;
	die("proof/audit/rows: no stack %s", name);
}

/* A per-CPU variable of which it is known what it holds */
static struct val load_percpu(struct state *s, const cs_x86_op *op, const struct decoded *insn)
{
	uint64_t addr = op_addr(op, insn);
	struct row *row = NULL;

	if (is_word(op, insn, "word")) {
		if (!s->untouched)
			return unknown();
		s->saved = true;
		return (struct val) { .kind = VAL_WORD };
	}
	if (is_word(op, insn, "exit_word"))
		return (struct val) { .kind = VAL_EXIT_WORD };
	if (addr == symbol_addr("cpu_tlbstate") + constant("TLB_STATE_cr4"))
		return (struct val) { .kind = VAL_CR4 };
	/* pointer VARIABLE FIELD STACK */
	while ((row = row_next("pointer", row)))
		if (addr == symbol_addr(row->arg[0]) + constant(row->arg[1])) {
			enum region region = region_named(row->arg[2]);

			row->used++;
			/* The end of the task stack is that of its frame. */
			return val_stack(region, region == TASK_STACK ? 5 * 8 : 0);
		}
	return unknown();
}

static struct val *slot_of(struct state *s, const cs_x86_op *op)
{
	unsigned int bytes;
	int base = reg_index(op->mem.base, &bytes);

	if (op->mem.segment != X86_REG_INVALID || base < 0 || op->mem.index != X86_REG_INVALID ||
	    s->reg[base].kind != VAL_STACK)
		return NULL;
	return slot(s, s->reg[base].region, s->reg[base].n + op->mem.disp);
}

static struct val load(struct state *s, const cs_x86_op *op, const struct decoded *insn)
{
	unsigned int bytes;
	int index = reg_index(op->mem.index, &bytes);
	struct val *p;

	if (op->mem.segment == X86_REG_GS)
		return load_percpu(s, op, insn);
	if (index >= 0 && s->reg[index].kind == VAL_CPU && row_match("array",
			symbol_text(op->mem.disp, false)))
		return (struct val) { .kind = VAL_KERNEL_GS };
	p = slot_of(s, op);
	return p ? narrow(*p, op->size) : unknown();
}

static struct val get(struct state *s, const cs_x86_op *op, const struct decoded *insn)
{
	unsigned int bytes;
	int reg;

	switch (op->type) {
	case X86_OP_IMM:
		return val_const(op->imm);
	case X86_OP_MEM:
		return load(s, op, insn);
	case X86_OP_REG:
		if (op->reg == X86_REG_CR3)
			return (struct val) { .kind = VAL_CR3, .n = s->cr3 };
		reg = reg_index(op->reg, &bytes);
		return reg < 0 ? unknown() : narrow(s->reg[reg], bytes);
	default:
		return unknown();
	}
}

static void put_reg(struct state *s, unsigned int name, struct val v)
{
	unsigned int bytes;
	int reg = reg_index(name, &bytes);

	if (reg < 0)
		return;
	if (bytes == 4 && v.kind == VAL_CONST)
		v.n = (uint32_t)v.n;
	else if (bytes < 4 || (bytes == 4 && v.kind != VAL_GS_SIGN))
		v = unknown();
	s->reg[reg] = v;
}

static void put(struct state *s, const cs_x86_op *op, const struct decoded *insn, struct val v)
{
	struct val *p;

	if (op->type == X86_OP_REG && op->reg == X86_REG_CR3) {
		s->cr3 = v.kind == VAL_CR3 ? v.n : CR3_ANY;
	} else if (op->type == X86_OP_REG && op->reg == X86_REG_CR4) {
		cr4_write(s, v);
	} else if (op->type == X86_OP_REG) {
		put_reg(s, op->reg, v);
	} else if (is_word(op, insn, "word")) {
		word_store(s, v);
	} else {
		p = slot_of(s, op);
		if (p)
			*p = op->size == 8 ? v : unknown();
	}
}

static void push(struct state *s, struct val v)
{
	struct val *sp = &s->reg[REG_SP], *p;

	if (sp->kind != VAL_STACK)
		return;
	sp->n -= 8;
	p = slot(s, sp->region, sp->n);
	if (p)
		*p = v;
	else
		fail(RULE_FOLLOW, s, "%ld bytes from the frame on the %s", (long)sp->n,
		     region_name(sp->region));
}

static struct val pop(struct state *s)
{
	struct val *sp = &s->reg[REG_SP], *p, v;

	if (sp->kind != VAL_STACK)
		return unknown();
	p = slot(s, sp->region, sp->n);
	v = p ? *p : unknown();
	sp->n += 8;
	return v;
}

static struct val and_or(struct val a, struct val b, bool or)
{
	int64_t user = 1 << 12;

	if (a.kind == VAL_CONST && b.kind == VAL_CONST)
		return val_const(or ? a.n | b.n : a.n & b.n);
	if (or && b.kind == VAL_STACK)
		return b;	/* espfix: an address, and bits that it lacks */
	if (b.kind != VAL_CONST)
		return unknown();
	if (a.kind == VAL_CR3 && or)
		return b.n & user ? (struct val) { .kind = VAL_CR3, .n = CR3_USER } : a;
	if (a.kind == VAL_CR3 && b.n == 0x7ff)
		return (struct val) { .kind = VAL_ASID };
	if (a.kind == VAL_CR3 && b.n < 0)
		return b.n & user ? a : (struct val) { .kind = VAL_CR3, .n = CR3_KERNEL };
	if (a.kind == VAL_CPU && !or)
		return a;
	return unknown();
}

static void do_arith(struct state *s, struct decoded *insn)
{
	const cs_x86 *x86 = &insn->cs->detail->x86;
	const cs_x86_op *dst = &x86->operands[0], *src = &x86->operands[1];
	struct val a = get(s, dst, insn), b = get(s, src, insn), v = unknown();

	s->flags = FLAGS_NONE;
	if (is_word(dst, insn, "word")) {
		if (insn->id == X86_INS_OR && b.kind == VAL_CONST &&
		    b.n == constant("KERNEL_CR3_LOADED"))
			word_or_loaded(s, x86->prefix[0] == X86_PREFIX_LOCK);
		else
			fail(RULE_WORD, s, "the word is changed: %s", insn->text);
		return;
	}
	switch (insn->id) {
	case X86_INS_AND:
	case X86_INS_OR:
		v = and_or(a, b, insn->id == X86_INS_OR);
		break;
	case X86_INS_XOR:
		if (dst->type == X86_OP_REG && src->type == X86_OP_REG && dst->reg == src->reg)
			v = val_const(0);
		else if (a.kind == VAL_CR4 && b.kind == VAL_CONST && b.n == constant("X86_CR4_PGE"))
			v = (struct val) { .kind = VAL_CR4, .n = !a.n };
		break;
	case X86_INS_ADD:
	case X86_INS_SUB:
		if ((a.kind == VAL_STACK || a.kind == VAL_CONST) && b.kind == VAL_CONST) {
			v = a;
			v.n += insn->id == X86_INS_ADD ? b.n : -b.n;
		}
		break;
	}
	put(s, dst, insn, v);
}

static void flags_set(struct state *s, enum flags flags, int64_t n)
{
	s->flags = flags;
	s->flags_n = n;
}

static void do_test(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;
	struct val a, b;

	s->flags = FLAGS_NONE;
	if (is_word(&op[0], insn, "word")) {
		if (op[1].imm == constant("KERNEL_CR3_OWED"))
			flags_set(s, FLAGS_WORD_OWED, 0);
		return;
	}
	a = get(s, &op[0], insn);
	b = get(s, &op[1], insn);
	if (a.kind == VAL_GS_SIGN && op[1].type == X86_OP_REG && op[0].reg == op[1].reg)
		flags_set(s, FLAGS_GS_SIGN, 0);
	else if (a.kind == VAL_CONST && b.kind == VAL_CONST)
		flags_set(s, FLAGS_CONST, !(a.n & b.n));
	else if (a.kind == VAL_FRAME && a.n == FRAME_CS && b.kind == VAL_CONST && b.n == 3)
		flags_set(s, FLAGS_CS, 0);
	else if (a.kind == VAL_FRAME && a.n == FRAME_SS && b.kind == VAL_CONST && b.n == 4)
		flags_set(s, FLAGS_SS, 0);
	else if (a.kind == VAL_WORD && b.kind == VAL_CONST && b.n == constant("KERNEL_CR3_LOADED"))
		flags_set(s, FLAGS_SAVED_HAS, 0);
}

static void do_cmp(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;
	bool loaded = op[1].type == X86_OP_IMM && op[1].imm == constant("KERNEL_CR3_LOADED");
	struct val a, b;

	s->flags = FLAGS_NONE;
	if (is_word(&op[0], insn, "word") || is_word(&op[0], insn, "exit_word")) {
		if (loaded)
			flags_set(s, is_word(&op[0], insn, "word") ? FLAGS_WORD_LOADED :
				  FLAGS_EXIT_LOADED, 0);
		return;
	}
	a = get(s, &op[0], insn);
	b = get(s, &op[1], insn);
	if (a.kind == VAL_WORD && loaded)
		flags_set(s, FLAGS_SAVED_LOADED, 0);
	else if (a.kind == VAL_FRAME && a.n == FRAME_IP && b.kind == VAL_CONST)
		flags_set(s, FLAGS_IP, b.n);
}

static void do_bit(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;
	struct val a = get(s, &op[0], insn);

	s->flags = FLAGS_NONE;
	if (insn->id == X86_INS_BT) {
		if (a.kind == VAL_CR3 && op[1].type == X86_OP_IMM && op[1].imm == 12)
			flags_set(s, FLAGS_CR3, 0);
	} else if (op[0].type == X86_OP_REG && !(a.kind == VAL_CR3 && op[1].imm == 63)) {
		put_reg(s, op[0].reg, unknown());
	}
}

static void do_lea(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;
	uint64_t addr = op_addr(&op[1], insn);
	struct val v = unknown();
	unsigned int bytes;
	int base = reg_index(op[1].mem.base, &bytes);

	if (addr != NO_ADDR) {
		v = val_const(addr);
	} else if (base >= 0 && op[1].mem.index == X86_REG_INVALID &&
		   s->reg[base].kind == VAL_STACK) {
		v = s->reg[base];
		v.n += op[1].mem.disp;
	}
	put_reg(s, op[0].reg, v);
}

static void do_gs(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;
	struct val v;

	if (insn->id == X86_INS_SWAPGS) {
		if (s->gs == GS_USER || s->gs == GS_KERNEL)
			s->gs = s->gs == GS_USER ? GS_KERNEL : GS_USER;
		else
			s->gs = GS_UNKNOWN;
	} else if (insn->id == X86_INS_RDGSBASE) {
		put_reg(s, op[0].reg, (struct val) { .kind = VAL_OLD_GS });
	} else {
		v = get(s, &op[0], insn);
		s->gs = v.kind == VAL_KERNEL_GS ? GS_KERNEL : GS_UNKNOWN;
	}
}

static void do_rdmsr(struct state *s)
{
	struct val msr = s->reg[REG_CX];

	s->reg[REG_AX] = unknown();
	s->reg[REG_DX] = unknown();
	if (msr.kind == VAL_CONST && msr.n == constant("MSR_GS_BASE"))
		s->reg[REG_DX].kind = VAL_GS_SIGN;
}

/* What else it does: nothing is known of what it writes. */
static void do_other(struct state *s, struct decoded *insn)
{
	const cs_x86 *x86 = &insn->cs->detail->x86;
	bool written[16];

	for (int i = 0; i < x86->op_count; i++)
		if (is_word(&x86->operands[i], insn, "word") &&
		    x86->operands[i].access & CS_AC_WRITE)
			fail(RULE_WORD, s, "the word is changed: %s", insn->text);
	decode_written(insn, written);
	for (int i = 0; i < 16; i++)
		if (written[i])
			s->reg[i] = unknown();
	s->flags = FLAGS_NONE;
}

static void do_plain(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;

	switch (insn->id) {
	case X86_INS_MOV:
	case X86_INS_MOVABS:
		put(s, &op[0], insn, get(s, &op[1], insn));
		break;
	case X86_INS_LEA:
		do_lea(s, insn);
		break;
	case X86_INS_PUSH:
		check_stack(s, insn, "push");
		push(s, get(s, &op[0], insn));
		break;
	case X86_INS_PUSHFQ:
		check_stack(s, insn, "push");
		push(s, unknown());
		break;
	case X86_INS_POPFQ:
		pop(s);
		s->flags = FLAGS_NONE;
		break;
	case X86_INS_POP:
		check_stack(s, insn, "pop");
		put(s, &op[0], insn, pop(s));
		break;
	case X86_INS_XOR:
	case X86_INS_AND:
	case X86_INS_OR:
	case X86_INS_ADD:
	case X86_INS_SUB:
		do_arith(s, insn);
		break;
	case X86_INS_TEST:
		do_test(s, insn);
		break;
	case X86_INS_CMP:
		do_cmp(s, insn);
		break;
	case X86_INS_BT:
	case X86_INS_BTS:
	case X86_INS_BTR:
		do_bit(s, insn);
		break;
	case X86_INS_SWAPGS:
	case X86_INS_RDGSBASE:
	case X86_INS_WRGSBASE:
		do_gs(s, insn);
		break;
	case X86_INS_LSL:
		check_tables(s, insn, "GDT (lsl)");
		put_reg(s, op[0].reg, (struct val) { .kind = VAL_CPU });
		s->flags = FLAGS_NONE;
		break;
	case X86_INS_VERW:
		check_tables(s, insn, "GDT (verw)");
		s->flags = FLAGS_NONE;
		break;
	case X86_INS_RDMSR:
		do_rdmsr(s);
		break;
	case X86_INS_NOP:
	case X86_INS_ENDBR64:
	case X86_INS_LFENCE:
	case X86_INS_CLD:
	case X86_INS_STD:
	case X86_INS_CLAC:
		break;
	default:
		do_other(s, insn);
	}
}

/* A fault of this instruction, or of its address cut to 32 bits? */
static struct row *fault_row(uint64_t ip, bool *truncated)
{
	struct row *row = NULL;

	while ((row = row_next("fault", row))) {
		const struct symbol *sym = symbol_find(row->arg[0]);

		*truncated = ip == (uint32_t)sym->addr;
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
		s->word = WORD_ANY;
		s->gs = GS_USER;
		s->cr3 = CR3_USER;
	} else if (!gs) {
		s->ip_seen |= truncated ? 2 : 1;
		if (s->ip_seen == 3 && !s->required && s->phase == PHASE_ENTRY)
			s->phase = PHASE_C;
	}
}

/* What the outcome of a condition tells; false if it cannot come out so. */
static bool learn(struct state *s, bool zero)
{
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
	case FLAGS_WORD_LOADED:
	case FLAGS_SAVED_LOADED:
		if (!(s->word & (zero ? WORD_LOADED : WORD_ANY & ~WORD_LOADED)))
			return false;
		word_set(s, s->word & (zero ? WORD_LOADED : ~WORD_LOADED));
		break;
	case FLAGS_WORD_OWED:
		if (!(s->word & (zero ? WORD_0 | WORD_LOADED : WORD_OWED | WORD_LOADED_OWED)))
			return false;
		word_set(s, s->word & (zero ? WORD_0 | WORD_LOADED :
				       WORD_OWED | WORD_LOADED_OWED));
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

/* Does a condition hold in @s as @taken says? */
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

/* Text that is walked; all else is a function in C */
static bool walkable(uint64_t addr)
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
	to = pop(s);
	if (to.kind != VAL_CONST) {
		fail(RULE_FOLLOW, s, "returns to where is not known: %s", insn->text);
		return STEP_END;
	}
	s->pc = to.n;
	return STEP_JUMP;
}

/* A function in C, at @target.  It returns to the next instruction, or for its caller. */
static enum step c_function(struct state *s, struct decoded *insn, uint64_t target, bool tail)
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
		fail(RULE_CALL, s, "%s is called after the exit's store", name);
	if (s->paranoid && s->user && row_match("dies", now_root->name))
		return STEP_END;
	for (size_t i = 0; i < ARRAY_SIZE(clobbered); i++)
		s->reg[clobbered[i]] = unknown();
	s->flags = FLAGS_NONE;
	/* stack FUNCTION STACK user|same */
	row = row_match("stack", name);
	if (row) {
		enum region region = region_named(row->arg[1]);

		s->reg[REG_AX] = val_stack(region, -PT_REGS_BELOW);
		frame_put(s, region);
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
		if (strict(s))
			fail(RULE_CALL, s, "an indirect call: %s", insn->text);
		return c_function(s, insn, s->pc, false);
	}
	name = symbol_text(op[0].imm, false);
	if (!row_match("call", name))
		return c_function(s, insn, op[0].imm, false);
	check_stack(s, insn, "return address");
	push(s, val_const(s->pc + insn->size));
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
		fail(RULE_FOLLOW, s, "returns to a mode that is not known");
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

static void add(struct paths *sum, uint8_t before, struct state *s)
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
		uint8_t before = s->phase;

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
 * @s: what is known here; what is left of it is of no use afterwards
 *
 * Return: how many there are, of those that were not counted before.
 */
struct paths walk(struct state *s)
{
	struct memo *memo = memo_of(s);
	struct paths paths = { 0 };
	uint8_t phase = s->phase;

	if (!memo->done && memo->paths.entry) {
		if (strict(s))
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
