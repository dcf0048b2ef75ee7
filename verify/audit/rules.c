// SPDX-License-Identifier: GPL-2.0
/*
 * What a path must do and must not do.
 *
 * The hooks are not found by their bytes.  The set of values that the per-CPU state
 * can have is followed through each instruction that changes it, and the hook ends
 * where only LOADED is left.
 */
#include <string.h>
#include "audit.h"

/**
 * pre_hook() - Is this pre-hook entry code?
 * @s: the state
 *
 * Return: true before the end of the entry hook and after the exit store.
 */
bool pre_hook(const struct state *s)
{
	return now_profile->hooked && s->phase != PHASE_C && !s->lost;
}

static bool in_rows(const char *kind, const char *name, u64 addr)
{
	struct row *row = NULL;
	bool any = false;

	while ((row = row_next(kind, row))) {
		int at = name ? 1 : 0;

		if (name && strcmp(row->arg[0], name))
			continue;
		any = true;
		if (addr >= symbol_addr(row->arg[at]) && addr < symbol_addr(row->arg[at + 1])) {
			row->used++;
			return true;
		}
	}
	return name && !any;
}

/* A system call that returns as it came never has a kernel stack. */
static bool ignores_stack(void)
{
	return row_match("untouched", now_root->name) && !strcmp(now_root->kind, "syscall");
}

/**
 * check_place() - May this instruction be where it is?
 * @s: the state before it
 * @insn: the instruction
 */
void check_place(struct state *s, struct decoded *insn)
{
	const char *table;

	if (s->reg[REG_SP].kind != VAL_STACK && !s->lost &&
	    !ignores_stack() && !in_rows("gap", NULL, s->pc))
		fail(RULE_GAP, s, "runs without a kernel stack: %s", insn->text);
	if (!pre_hook(s))
		return;
	table = patched_site(s->pc, insn->size);
	if (table)
		fail(RULE_PATCHED, s, "is in %s: %s", table, insn->text);
	if (kprobe_possible(s->pc))
		fail(RULE_KPROBE, s, "is where kprobes may be put: %s", insn->text);
	if (s->phase == PHASE_ENTRY && !in_rows("within", now_root->name, s->pc))
		fail(RULE_RANGE, s, "is outside of what %s may run: %s", now_root->name,
		     insn->text);
	note_instruction(insn, s);
	note_feature_used(s->pc, insn->size);
}

/**
 * op_addr() - The address of an operand that depends on no register
 * @op: the operand
 * @insn: its instruction
 *
 * Return: the address, or NO_ADDR if it depends on one.
 */
u64 op_addr(const cs_x86_op *op, const struct decoded *insn)
{
	if (op->type != X86_OP_MEM || op->mem.index != X86_REG_INVALID)
		return NO_ADDR;
	if (op->mem.base == X86_REG_RIP)
		return insn->cs->address + insn->cs->size + op->mem.disp;
	return op->mem.base == X86_REG_INVALID ? (u64)op->mem.disp : NO_ADDR;
}

/**
 * is_cpu_state() - Is an operand a field of this CPU's kernel_cr3_loaded?
 * @op: the operand
 * @insn: its instruction
 * @field: the field, as in KERNEL_CR3_<field>
 *
 * Return: true if it is.
 */
bool is_cpu_state(const cs_x86_op *op, const struct decoded *insn, const char *field)
{
	char name[64];

	if (op->type != X86_OP_MEM || op->mem.segment != X86_REG_GS)
		return false;
	snprintf(name, sizeof(name), "KERNEL_CR3_%s", field);
	return op_addr(op, insn) == symbol_addr("kernel_cr3_loaded") + constant(name);
}

/* A variable that is named in a row, and that the kernel cannot write after boot */
static bool is_constant(u64 addr)
{
	return addr >= symbol_addr("__start_ro_after_init") &&
	       addr < symbol_addr("__end_ro_after_init") &&
	       row_match("constant", symbol_text(addr, false));
}

/* Data elsewhere in the image may be freed after boot or written by any CPU. */
static bool in_entry_text(u64 addr)
{
	return addr >= symbol_addr("__entry_text_start") && addr < symbol_addr("__entry_text_end");
}

static enum class memory_class(struct state *s, struct decoded *insn, const cs_x86_op *op,
			       char *text, size_t size)
{
	u64 addr = op_addr(op, insn);
	unsigned int bytes;
	int base = reg_index(op->mem.base, &bytes), index = reg_index(op->mem.index, &bytes);

	if (op->mem.segment == X86_REG_GS) {
		if (addr == NO_ADDR)
			return CLASS_BAD;
		snprintf(text, size, "%%gs:%s", symbol_text(addr, true));
		return CLASS_PERCPU;
	}
	if (op->mem.segment != X86_REG_INVALID)
		return CLASS_BAD;
	if (addr != NO_ADDR) {
		snprintf(text, size, "%s", symbol_text(addr, false));
		if (!in_entry_text(addr) && is_constant(addr))
			return CLASS_READ_ONLY;
		return in_entry_text(addr) ? CLASS_STATIC : CLASS_BAD;
	}
	if (base < 0 && index >= 0 && s->reg[index].kind == VAL_CPU && op->mem.scale == 8 &&
	    row_match("array", symbol_text(op->mem.disp, false))) {
		snprintf(text, size, "%s[cpu]", symbol_text(op->mem.disp, false));
		return CLASS_OFFSETS;
	}
	if (base >= 0 && index < 0 && s->reg[base].kind == VAL_STACK &&
	    slot(s, s->reg[base].region, (s->reg[base].n + op->mem.disp) & ~7LL)) {
		snprintf(text, size, "%s", region_name(s->reg[base].region));
		return CLASS_HW_STACK + s->reg[base].region;
	}
	return CLASS_BAD;
}

/* BT with a register reaches as far as the number of the bit. */
static bool bit_string_bounded(struct state *s, struct decoded *insn)
{
	const cs_x86 *x86 = &insn->cs->detail->x86;
	unsigned int bytes;
	int reg;

	if (insn->id != X86_INS_BT && insn->id != X86_INS_BTS && insn->id != X86_INS_BTR &&
	    insn->id != X86_INS_BTC)
		return true;
	if (x86->operands[1].type == X86_OP_IMM)
		return true;
	reg = reg_index(x86->operands[1].reg, &bytes);
	return reg >= 0 && s->reg[reg].kind == VAL_ASID;
}

/**
 * check_memory() - May this operand be here?
 * @s: the state before the instruction
 * @insn: the instruction
 * @op: the operand
 *
 * Return: the kind of memory.
 */
enum class check_memory(struct state *s, struct decoded *insn, const cs_x86_op *op)
{
	char text[128] = "";
	enum class kind;

	if (!now_profile->hooked && op->mem.segment == X86_REG_GS &&
	    symbol_at(op_addr(op, insn), true) == symbol_find("kernel_cr3_loaded"))
		fail(RULE_OFF, s, "runs a hook that is off: %s", insn->text);
	if (!pre_hook(s))
		return CLASS_BAD;
	kind = memory_class(s, insn, op, text, sizeof(text));
	if (kind != CLASS_BAD && !bit_string_bounded(s, insn))
		kind = CLASS_BAD;
	if (kind == CLASS_BAD)
		fail(RULE_OPERAND, s, "memory that is not allowed: %s", insn->text);
	else
		note_operand(insn, s, kind, text);
	if (kind == CLASS_PERCPU && s->gs != GS_KERNEL)
		fail(RULE_GS, s, "per-CPU data by a GS that may be the user's: %s", insn->text);
	return kind;
}

/**
 * check_stack() - May the instruction use the stack?
 * @s: the state before it
 * @insn: the instruction
 * @what: what it does with the stack
 */
void check_stack(struct state *s, struct decoded *insn, const char *what)
{
	const struct val *sp = &s->reg[REG_SP];
	char text[64];

	if (!pre_hook(s))
		return;
	if (sp->kind != VAL_STACK) {
		fail(RULE_OPERAND, s, "a stack that is not the kernel's: %s", insn->text);
		return;
	}
	snprintf(text, sizeof(text), "%s (%s)", region_name(sp->region), what);
	note_operand(insn, s, CLASS_HW_STACK + sp->region, text);
}

/**
 * check_tables() - The instruction reads a descriptor table
 * @s: the state before it
 * @insn: the instruction
 * @what: the table
 */
void check_tables(struct state *s, struct decoded *insn, const char *what)
{
	if (pre_hook(s))
		note_operand(insn, s, CLASS_TABLES, what);
}

/**
 * check_known() - Is the instruction allowed in pre-hook entry code?
 * @s: the state before it
 * @insn: the instruction
 *
 * An allowed instruction accesses only its operands, leaves interrupts off, and is
 * followed by do_plain().
 *
 * Return: true if it is.  The path goes on in both cases.
 */
bool check_known(struct state *s, struct decoded *insn)
{
	static const unsigned int known[] = {
		X86_INS_MOV, X86_INS_MOVABS, X86_INS_LEA, X86_INS_PUSH, X86_INS_POP,
		X86_INS_PUSHFQ, X86_INS_XOR, X86_INS_AND, X86_INS_OR, X86_INS_ADD, X86_INS_SUB,
		X86_INS_INC, X86_INS_TEST, X86_INS_CMP, X86_INS_BT, X86_INS_BTS, X86_INS_BTR,
		X86_INS_NOP, X86_INS_ENDBR64, X86_INS_LFENCE, X86_INS_CLD, X86_INS_STD,
		X86_INS_CLAC, X86_INS_SWAPGS, X86_INS_RDGSBASE, X86_INS_WRGSBASE, X86_INS_LSL,
		X86_INS_VERW, X86_INS_RDMSR,
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (insn->id == known[i])
			return true;
	if (pre_hook(s))
		fail(RULE_INSN, s, "an instruction that is not allowed: %s", insn->text);
	return false;
}

static bool needs_cr3(void)
{
	return now_profile->feature[constant("X86_FEATURE_PTI")] &&
	       strncmp(now_root->kind, "fred", 4);
}

static void check_cr3(struct state *s)
{
	if (needs_cr3() && s->cr3 != CR3_KERNEL)
		fail(RULE_CR3, s, "a hook runs with page tables that may be the user's");
}

/**
 * check_fence() - Is this the LFENCE, if no flush was due before?
 * @s: the state before the instruction
 * @insn: the instruction
 *
 * A CPU that predicts so wrongly goes on speculatively with stale TLB entries.
 */
void check_fence(struct state *s, struct decoded *insn)
{
	if (!s->unfenced)
		return;
	note_feature_used(s->pc, insn->size);
	s->unfenced = false;
	if (insn->id != X86_INS_LFENCE &&
	    now_profile->feature[constant("X86_FEATURE_COALESCE_TLBI_FENCE")])
		fail(RULE_FENCE, s, "goes on without LFENCE where no flush was due: %s",
		     insn->text);
}

/* Initiators set FLUSH_PENDING at any time while LOADED is not set. */
static unsigned int with_initiators(unsigned int set)
{
	return set & STATE_0 ? set | STATE_FLUSH : set;
}

/**
 * cpu_state_set() - More is known of the per-CPU state
 * @s: the state
 * @set: the values that the per-CPU state can have
 *
 * The hook ends if that is LOADED alone.
 */
void cpu_state_set(struct state *s, unsigned int set)
{
	s->cpu_state = with_initiators(set);
	if (s->phase != PHASE_ENTRY || s->cpu_state != STATE_LOADED || !s->required)
		return;
	if (s->cr4_toggled)
		fail(RULE_FLUSH, s, "the hook ends with CR4.PGE toggled");
	if (s->paranoid && !(s->saved && s->reg[REG_R13].kind == VAL_SAVED))
		fail(RULE_SAVE, s, "the hook ends and %%r13 is not the saved per-CPU state");
	s->phase = PHASE_C;
	s->lost = false;
}

/**
 * cpu_state_or_loaded() - LOADED is set in the per-CPU state
 * @s: the state
 * @locked: by a locked instruction
 */
void cpu_state_or_loaded(struct state *s, bool locked)
{
	unsigned int set = 0;

	if (!locked)
		fail(RULE_LOCK, s, "sets LOADED without a lock prefix");
	check_cr3(s);
	if (s->cpu_state & (STATE_0 | STATE_LOADED))
		set |= STATE_LOADED;
	if (s->cpu_state & (STATE_FLUSH | STATE_LOADED_FLUSH))
		set |= STATE_LOADED_FLUSH;
	s->untouched = false;
	s->cpu_state = set;
}

/**
 * cpu_state_store() - The per-CPU state is written by a plain store
 * @s: the state
 * @v: the value that is stored
 */
void cpu_state_store(struct state *s, struct val v)
{
	check_cr3(s);
	s->untouched = false;
	if (v.kind == VAL_CONST && v.n == constant("KERNEL_CR3_LOADED")) {
		if (s->cpu_state & (STATE_0 | STATE_FLUSH))
			fail(RULE_STATE, s, "LOADED is stored over what an initiator may write");
		if (s->cpu_state & STATE_LOADED_FLUSH && s->flush != 2)
			fail(RULE_FLUSH_PENDING, s,
			     "FLUSH_PENDING is cleared before the flush is done");
		cpu_state_set(s, STATE_LOADED);
		return;
	}
	if (v.kind != VAL_EXIT_STATE) {
		fail(RULE_STATE, s, "the per-CPU state gets a value that it cannot have");
		return;
	}
	if (s->phase == PHASE_ENTRY)
		fail(RULE_HOOK, s, "an exit store, and no entry hook before it");
	if (s->phase == PHASE_EXIT)
		fail(RULE_EXIT_TWICE, s, "a second exit store");
	if (s->paranoid && !s->restoring)
		fail(RULE_EXIT_KERNEL, s, "the exit value is stored, whatever the entry found");
	s->cpu_state = with_initiators(STATE_0 | STATE_FLUSH);
	s->restored = s->paranoid;
	s->exited = !s->paranoid;
	s->phase = PHASE_EXIT;
}

/**
 * exit_done() - An exit hook found that this CPU never defers
 * @s: the state
 */
void exit_done(struct state *s)
{
	if (s->phase == PHASE_ENTRY)
		fail(RULE_HOOK, s, "an exit hook, and no entry hook before it");
	if (s->phase == PHASE_EXIT)
		fail(RULE_EXIT_TWICE, s, "a second exit hook");
	check_cr3(s);
	s->exited = true;
	s->phase = PHASE_EXIT;
}

/**
 * cr4_write() - CR4 is written
 * @s: the state
 * @v: the value that is written
 *
 * A flush writes the shadow of CR4 with PGE inverted, then the shadow, both with what
 * is pinned from read-only memory.  It counts if it begins after LOADED is set.
 */
void cr4_write(struct state *s, struct val v)
{
	if (v.kind != VAL_CR4 && v.kind != VAL_SHADOW && v.kind != VAL_CLEARED) {
		if (pre_hook(s))
			fail(RULE_FLUSH, s, "CR4 gets a value that is not the shadow's");
		return;
	}
	if (v.kind != VAL_CR4 && pre_hook(s))
		fail(RULE_PINNED, s, "CR4 gets pinned bits from the shadow");
	s->cr4_toggled = v.n;
	if (v.n)
		s->flush = s->cpu_state & (STATE_0 | STATE_FLUSH) ? 0 : 1;
	else if (s->flush == 1)
		s->flush = 2;
}

/**
 * check_leaves_entry() - C code is called before the hook has ended
 * @s: the state
 * @where: the function
 */
void check_leaves_entry(struct state *s, const char *where)
{
	if (s->required) {
		if (!s->lost)
			fail(RULE_CALL, s, "%s is called before the end of a hook", where);
		s->lost = true;
		return;
	}
	if (s->ip_seen != 3)
		fail(RULE_HOOK, s, "%s is called before a fault of IRET is told apart", where);
	s->phase = PHASE_C;
}

/**
 * check_return() - A path ends with a return instruction
 * @s: the state before it
 * @to_user: it returns to user mode
 */
void check_return(struct state *s, bool to_user)
{
	const char *mode = to_user ? "user" : "kernel";

	if (!now_profile->hooked)
		return;
	if (s->phase == PHASE_ENTRY) {
		if (s->lost || !s->untouched || !row_match("untouched", now_root->name))
			fail(RULE_HOOK, s, "returns to %s mode without a hook", mode);
	} else if (s->paranoid) {
		if (!s->restored)
			fail(RULE_EXIT, s, "returns to %s mode without a paranoid exit hook", mode);
		if (to_user)
			fail(RULE_EXIT, s, "returns to user mode by a paranoid exit");
	} else if (to_user && !s->exited) {
		fail(RULE_EXIT, s, "returns to user mode without an exit hook");
	} else if (!to_user && s->exited) {
		fail(RULE_EXIT_KERNEL, s, "returns to kernel mode after an exit hook");
	}
}
