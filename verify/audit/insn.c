// SPDX-License-Identifier: GPL-2.0
/*
 * What instructions do to a state: to registers, stacks, flags, GS, page tables and
 * the per-CPU state.
 */
#include <string.h>
#include "audit.h"

static struct val unknown(void)
{
	return (struct val) { 0 };
}

/* The value of @bytes of @v.  A test of the lowest byte of a frame element tests that. */
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

/* A per-CPU variable whose contents are known */
static struct val load_percpu(struct state *s, const cs_x86_op *op, const struct decoded *insn)
{
	u64 addr = op_addr(op, insn);
	struct row *row = NULL;

	if (is_cpu_state(op, insn, "state")) {
		if (!s->untouched)
			return unknown();
		s->saved = true;
		return (struct val) { .kind = VAL_SAVED };
	}
	if (is_cpu_state(op, insn, "exit_state"))
		return (struct val) { .kind = VAL_EXIT_STATE };
	if (addr == symbol_addr("cpu_tlbstate") + constant("TLB_STATE_cr4"))
		return (struct val) { .kind = VAL_SHADOW };
	/* pointer VARIABLE FIELD STACK */
	while ((row = row_next("pointer", row)))
		if (addr == symbol_addr(row->arg[0]) + constant(row->arg[1])) {
			enum region stack = region_named(row->arg[2]);

			row->used++;
			/* The end of the task stack is that of its frame. */
			return val_stack(stack, stack == TASK_STACK ? 5 * 8 : 0);
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
	if (index >= 0 && s->reg[index].kind == VAL_CPU &&
	    row_match("array", symbol_text(op->mem.disp, false)))
		return (struct val) { .kind = VAL_KERNEL_GS };
	if (op_addr(op, insn) == symbol_addr("coalesce_tlbi_unpinned_cr4") && op->size == 8)
		return (struct val) { .kind = VAL_UNPINNED };
	if (op_addr(op, insn) == symbol_addr("coalesce_tlbi_pinned_cr4") && op->size == 8)
		return (struct val) { .kind = VAL_PINNED };
	p = slot_of(s, op);
	return p ? narrow(*p, op->size) : unknown();
}

/* What is known of the value of an operand */
static struct val val_get(struct state *s, const cs_x86_op *op, const struct decoded *insn)
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
		v.n = (u32)v.n;
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
	} else if (is_cpu_state(op, insn, "state")) {
		cpu_state_store(s, v);
	} else {
		p = slot_of(s, op);
		if (p)
			*p = op->size == 8 ? v : unknown();
	}
}

/**
 * stack_push() - Push a value
 * @s: the state
 * @v: the value
 */
void stack_push(struct state *s, struct val v)
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

/**
 * stack_pop() - Pop a value
 * @s: the state
 *
 * Return: the value.
 */
struct val stack_pop(struct state *s)
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
	s64 user = 1 << 12;

	if (a.kind == VAL_CONST && b.kind == VAL_CONST)
		return val_const(or ? a.n | b.n : a.n & b.n);
	if (!or && a.kind == VAL_SHADOW && b.kind == VAL_UNPINNED)
		return (struct val) { .kind = VAL_CLEARED, .n = a.n };
	if (or && a.kind == VAL_CLEARED && b.kind == VAL_PINNED)
		return (struct val) { .kind = VAL_CR4, .n = a.n };
	if (or && a.kind == VAL_SHADOW && b.kind == VAL_PINNED)
		return a;
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
	struct val a = val_get(s, dst, insn), b = val_get(s, src, insn), v = unknown();

	s->flags = FLAGS_NONE;
	if (is_cpu_state(dst, insn, "state")) {
		if (insn->id == X86_INS_OR && b.kind == VAL_CONST &&
		    b.n == constant("KERNEL_CR3_LOADED"))
			cpu_state_or_loaded(s, x86->prefix[0] == X86_PREFIX_LOCK);
		else
			fail(RULE_STATE, s, "the per-CPU state is changed: %s", insn->text);
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
		else if ((a.kind == VAL_CR4 || a.kind == VAL_SHADOW || a.kind == VAL_CLEARED) &&
			 b.kind == VAL_CONST && b.n == constant("X86_CR4_PGE"))
			v = (struct val) { .kind = a.kind, .n = !a.n };
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

static void flags_set(struct state *s, enum flags what, s64 n)
{
	s->flags = what;
	s->flags_n = n;
}

static void do_test(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;
	s64 flush = constant("KERNEL_CR3_FLUSH_PENDING") | constant("KERNEL_CR3_FLUSH_ALWAYS");
	struct val a, b;

	s->flags = FLAGS_NONE;
	if (is_cpu_state(&op[0], insn, "state")) {
		if (op[1].type == X86_OP_IMM && op[1].imm == flush)
			flags_set(s, FLAGS_STATE_FLUSH, 0);
		return;
	}
	a = val_get(s, &op[0], insn);
	b = val_get(s, &op[1], insn);
	if (a.kind == VAL_GS_SIGN && op[1].type == X86_OP_REG && op[0].reg == op[1].reg)
		flags_set(s, FLAGS_GS_SIGN, 0);
	else if (a.kind == VAL_CONST && b.kind == VAL_CONST)
		flags_set(s, FLAGS_CONST, !(a.n & b.n));
	else if (a.kind == VAL_FRAME && a.n == FRAME_CS && b.kind == VAL_CONST && b.n == 3)
		flags_set(s, FLAGS_CS, 0);
	else if (a.kind == VAL_FRAME && a.n == FRAME_SS && b.kind == VAL_CONST && b.n == 4)
		flags_set(s, FLAGS_SS, 0);
	else if (a.kind == VAL_SAVED && b.kind == VAL_CONST && b.n == constant("KERNEL_CR3_LOADED"))
		flags_set(s, FLAGS_SAVED_HAS, 0);
}

static void do_cmp(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;
	bool loaded = op[1].type == X86_OP_IMM && op[1].imm == constant("KERNEL_CR3_LOADED");
	struct val a, b;

	s->flags = FLAGS_NONE;
	if (is_cpu_state(&op[0], insn, "state") || is_cpu_state(&op[0], insn, "exit_state")) {
		if (loaded)
			flags_set(s, is_cpu_state(&op[0], insn, "state") ? FLAGS_STATE_LOADED :
				  FLAGS_EXIT_LOADED, 0);
		return;
	}
	a = val_get(s, &op[0], insn);
	b = val_get(s, &op[1], insn);
	if (a.kind == VAL_SAVED && loaded)
		flags_set(s, FLAGS_SAVED_LOADED, 0);
	else if (a.kind == VAL_FRAME && a.n == FRAME_IP && b.kind == VAL_CONST)
		flags_set(s, FLAGS_IP, b.n);
}

static void do_bit(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;
	struct val a = val_get(s, &op[0], insn);

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
	u64 addr = op_addr(&op[1], insn);
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
		v = val_get(s, &op[0], insn);
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

/* Any other instruction: nothing is known of what it writes. */
static void do_other(struct state *s, struct decoded *insn)
{
	const cs_x86 *x86 = &insn->cs->detail->x86;
	bool written[16];

	for (int i = 0; i < x86->op_count; i++)
		if (is_cpu_state(&x86->operands[i], insn, "state") &&
		    x86->operands[i].access & CS_AC_WRITE)
			fail(RULE_STATE, s, "the per-CPU state is changed: %s", insn->text);
	decode_written(insn, written);
	for (int i = 0; i < 16; i++)
		if (written[i])
			s->reg[i] = unknown();
	s->flags = FLAGS_NONE;
}

/**
 * do_plain() - Follow an instruction that does not branch
 * @s: the state before it, and after it
 * @insn: the instruction
 */
void do_plain(struct state *s, struct decoded *insn)
{
	const cs_x86_op *op = insn->cs->detail->x86.operands;

	switch (insn->id) {
	case X86_INS_MOV:
	case X86_INS_MOVABS:
		put(s, &op[0], insn, val_get(s, &op[1], insn));
		break;
	case X86_INS_LEA:
		do_lea(s, insn);
		break;
	case X86_INS_PUSH:
		check_stack(s, insn, "push");
		stack_push(s, val_get(s, &op[0], insn));
		break;
	case X86_INS_PUSHFQ:
		check_stack(s, insn, "push");
		stack_push(s, unknown());
		break;
	case X86_INS_POPFQ:
		stack_pop(s);
		s->flags = FLAGS_NONE;
		break;
	case X86_INS_POP:
		check_stack(s, insn, "pop");
		put(s, &op[0], insn, stack_pop(s));
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
