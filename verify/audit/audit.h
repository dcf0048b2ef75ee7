/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Audit of the pre-hook entry code of a built kernel.
 *
 * Pre-hook entry code is what a CPU executes between an entry from user mode and
 * the end of the COALESCE_TLBI entry hook, and between the store of the exit hook
 * and the return instruction.  It may run with stale TLB entries, so it may touch
 * only memory whose translation cannot have changed.
 *
 * The files form layers, in the order of the sections below.  A file calls only
 * what is declared in its own section and in those above it; audit-controls checks
 * that.
 */
#ifndef _AUDIT_H
#define _AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <capstone/capstone.h>
#include <linux/types.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define __noreturn	__attribute__((noreturn))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NO_ADDR		UINT64_MAX
#define MAX_FEATURES	1024

/* util.c: memory and errors */

void __printf(1, 2) __noreturn die(const char *fmt, ...);
void *xcalloc(size_t n, size_t size);
void *xgrow(void *p, size_t n, size_t size);
__printf(1, 2) char *xprintf(const char *fmt, ...);

/* image.c: the kernel: sections, symbols, sites that are patched at run time */

/**
 * struct symbol - a symbol of the kernel
 * @name: its name
 * @addr: its address; within per-CPU data, its offset
 * @size: as the symbol table has it, 0 for labels
 * @percpu: is it per-CPU data?
 */
struct symbol {
	const char *name;
	u64 addr;
	u64 size;
	bool percpu;
};

void image_open(const char *path);
const u8 *image_section(const char *name, u64 *addr, u64 *size);
void image_reset(void);
void image_change(u64 addr, const u8 *bytes, size_t len);
void image_add_site(u64 addr);
u8 *image_bytes(u64 addr, size_t len);
u64 image_u64(u64 addr);
u32 image_u32(u64 addr);
bool image_is_text(u64 addr);
const struct symbol *symbol_find(const char *name);
const struct symbol *symbol_at(u64 addr, bool percpu);
u64 symbol_addr(const char *name);
void symbol_move(const char *name, u64 addr);
u64 symbol_end(const struct symbol *sym);
const char *symbol_text(u64 addr, bool percpu);
const struct symbol *symbols_in(u64 start, u64 end, const struct symbol *prev);
const char *patched_site(u64 addr, unsigned int len);
void patched_print(FILE *f);
bool kprobe_possible(u64 addr);
void text_sections(void (*fn)(u64 addr, u64 len));

/* decode.c: instructions */

/**
 * struct decoded - one instruction of the patched image
 * @cs: what capstone says; NULL for an instruction that it does not know
 * @id: X86_INS_*, or INS_ERETU, INS_ERETS
 * @size: its length
 * @text: mnemonic and operands
 * @entry_serial: last root and profile on whose way to the hook it was
 * @exit_serial: the same for the way out
 */
struct decoded {
	cs_insn *cs;
	unsigned int id;
	unsigned int size;
	char text[200];
	unsigned int entry_serial;
	unsigned int exit_serial;
};

#define INS_ERETU	0x10001
#define INS_ERETS	0x10002

void decode_reset(void);
struct decoded *decode(u64 addr);
void decode_written(const struct decoded *insn, bool written[16]);
int reg_index(unsigned int reg, unsigned int *bytes);
bool decode_raw(u64 addr, const u8 *bytes, size_t len, cs_insn **insn);
bool insn_relative(const cs_insn *insn);

/* alternatives.c: the text as a CPU's features leave it */

/**
 * struct alt - an entry of .altinstructions
 * @site: the instructions that are replaced
 * @repl: the replacement
 * @feature: the CPU feature on which it depends
 * @not: the replacement is used if the CPU lacks the feature
 * @len: length of the site
 * @repl_len: length of the replacement
 */
struct alt {
	u64 site;
	u64 repl;
	unsigned int feature;
	bool not;
	unsigned int len;
	unsigned int repl_len;
};

void alternatives_read(void);
size_t alternatives(const struct alt **alts);
void alternatives_apply(const bool *features);

/* rows.c: allowed exceptions and machines: verify/audit/rows, verify/audit/profiles */

#define MAX_ARGS	4

/**
 * struct row - a line of verify/audit/rows: an allowed exception and its reason
 * @kind: what kind of exception
 * @arg: its arguments, as written
 * @nargs: number of @arg
 * @reason: why it is safe
 * @line: line number
 * @used: how often it explained something
 * @here: this kernel has the symbol that it is about
 */
struct row {
	char *kind;
	char *arg[MAX_ARGS];
	int nargs;
	char *reason;
	int line;
	unsigned long used;
	bool here;
};

/**
 * struct profile - a machine: the CPU features by which alternatives are chosen
 * @name: what the report calls it
 * @feature: its features
 * @hooked: it has X86_FEATURE_COALESCE_TLBI
 * @listed: it is one of verify/audit/profiles
 */
struct profile {
	char *name;
	bool feature[MAX_FEATURES];
	bool hooked;
	bool listed;
};

void constants_read(const char *path);
s64 constant(const char *name);
const char *feature_name(unsigned int feature);
void rows_read(const char *path);
struct row *row_next(const char *kind, struct row *prev);
struct row *row_match(const char *kind, const char *name);
void rows_print(FILE *f);
void profiles_read(const char *path);
size_t profiles(struct profile **list);

/* state.c: what is known of registers, stacks and flags at one point of a path */

enum val_kind {
	VAL_UNKNOWN,	/* the user's, or anything */
	VAL_CONST,	/* @n */
	VAL_STACK,	/* @n bytes from the frame in @region */
	VAL_FRAME,	/* element @n of what the CPU pushed: FRAME_* */
	VAL_SAVED,	/* the per-CPU state as it was before this entry wrote it */
	VAL_EXIT_STATE,
	VAL_CR3,	/* @n: CR3_* */
	VAL_ASID,	/* only the ASID of a CR3 */
	VAL_SHADOW,	/* the shadow of CR4; @n: 1 with PGE toggled */
	VAL_UNPINNED,	/* the bits of CR4 that cannot be pinned */
	VAL_PINNED,	/* the pinned bits of CR4 */
	VAL_CLEARED,	/* the shadow without the bits that can be pinned; @n: as above */
	VAL_CR4,	/* that with the pinned bits set; @n: as above */
	VAL_CPU,	/* the number of this CPU */
	VAL_KERNEL_GS,	/* this CPU's offset from the table of offsets */
	VAL_OLD_GS,	/* GSBASE as it was at entry */
	VAL_GS_SIGN,	/* upper half of MSR_GS_BASE */
};

enum { FRAME_IP, FRAME_CS, FRAME_FLAGS, FRAME_SP, FRAME_SS };
enum { CR3_ANY, CR3_KERNEL, CR3_USER };

enum region {
	HW_STACK, EVENT_STACK, TASK_STACK, TRAMPOLINE, ESPFIX, HANDLER_STACK, REGIONS
};

struct val {
	u32 kind;
	u32 region;
	s64 n;
};

enum gs { GS_UNKNOWN, GS_USER, GS_KERNEL, GS_BY_IP };

/*
 * Values that the per-CPU state (kernel_cr3_loaded) may have, as a set.  FLUSH stands
 * for FLUSH_PENDING, FLUSH_ALWAYS or both.
 */
#define STATE_0				1
#define STATE_FLUSH			2
#define STATE_LOADED			4
#define STATE_LOADED_FLUSH		8
#define STATE_ANY			15

enum phase { PHASE_ENTRY, PHASE_C, PHASE_EXIT };

enum flags {
	FLAGS_NONE,
	FLAGS_CONST,			/* @flags_n: ZF */
	FLAGS_CS,			/* of the frame, tested for user mode */
	FLAGS_SS,			/* of the frame, tested for the LDT */
	FLAGS_IP,			/* of the frame, compared with @flags_n */
	FLAGS_STATE_LOADED,		/* per-CPU state compared with LOADED */
	FLAGS_STATE_FLUSH,		/* per-CPU state tested for both FLUSH bits */
	FLAGS_EXIT_LOADED,		/* exit_state compared with LOADED */
	FLAGS_SAVED_LOADED,		/* saved state compared with LOADED */
	FLAGS_SAVED_HAS,		/* saved state tested for LOADED */
	FLAGS_GS_SIGN,
	FLAGS_CR3,			/* CF is the bit of user page tables */
};

#define SLOT_LOW	(-72)
#define SLOTS		112

/**
 * struct state - what is known at one point of a path
 * @pc: the next instruction
 * @reg: general registers, in the order of the encoding
 * @slot: contents of the stacks, by region, eight bytes each
 * @user: the frame is that of user mode
 * @required: the per-CPU state may lack LOADED, so a hook has to run
 * @untouched: this entry has not written the per-CPU state
 * @saved: a paranoid hook read the per-CPU state before it wrote it
 * @paranoid: the frame may be of any kernel context
 * @restoring: a paranoid exit found that the saved state lacked LOADED
 * @lost: C code was called before the hook: reported already, nothing else is
 * @restored: a paranoid exit is done
 * @exited: an exit hook is done
 * @ip_seen: fault addresses from which the frame's was told apart: 1, 2
 * @phase: before the hook's end, in C, after the exit store
 * @gs: whose GS is loaded
 * @cr3: whose page tables are
 * @cpu_state: the values that the per-CPU state can have
 * @flush: 1 after the first write of a CR4 toggle, 2 after the second
 * @cr4_toggled: CR4.PGE is not as it should be
 * @unfenced: no flush was due, and no LFENCE has come since that was found
 * @flags: what the flags tell
 * @flags_n: of what
 * @pad: zero; states are compared by their bytes
 */
struct state {
	u64 pc;
	struct val reg[16];
	struct val slot[REGIONS][SLOTS];
	u8 user;
	u8 required;
	u8 untouched;
	u8 saved;
	u8 restored;
	u8 exited;
	u8 ip_seen;
	u8 phase;
	u8 gs;
	u8 cr3;
	u8 cpu_state;
	u8 flush;
	u8 cr4_toggled;
	u8 flags;
	u8 paranoid;
	u8 restoring;
	u8 lost;
	u8 unfenced;
	u8 pad[6];
	s64 flags_n;
};

#define REG_AX	0
#define REG_CX	1
#define REG_DX	2
#define REG_SP	4
#define REG_R13	13

struct val val_const(s64 n);
struct val val_stack(enum region which, s64 n);
struct val *slot(struct state *s, enum region which, s64 offset);
void frame_put(struct state *s, enum region which);
const char *region_name(enum region which);
enum region region_named(const char *name);

/* findings.c: violations, instructions, operands and paths, as they are found */

enum rule {
	RULE_SYMBOL, RULE_HOOK, RULE_OFF, RULE_GS, RULE_CR3, RULE_CALL, RULE_OPERAND,
	RULE_INSN, RULE_PATCHED, RULE_KPROBE, RULE_RANGE, RULE_GAP, RULE_LOCK, RULE_FLUSH,
	RULE_PINNED, RULE_FENCE, RULE_FLUSH_PENDING, RULE_STATE, RULE_SAVE, RULE_EXIT,
	RULE_EXIT_TWICE, RULE_EXIT_KERNEL,
	RULE_RETURN, RULE_LOOP, RULE_FOLLOW, RULE_FEATURE, RULE_ROW, RULES
};

enum class {
	CLASS_HW_STACK, CLASS_EVENT_STACK, CLASS_TASK_STACK, CLASS_TRAMPOLINE, CLASS_ESPFIX,
	CLASS_HANDLER_STACK, CLASS_PERCPU, CLASS_STATIC, CLASS_READ_ONLY, CLASS_OFFSETS,
	CLASS_TABLES, CLASS_BAD, CLASSES
};

/**
 * struct root - an entry point of the kernel
 * @name: its symbol
 * @addr: its address
 * @kind: how the CPU enters there, as verify/audit/rows says
 * @error_code: the CPU has pushed one
 * @ist: it can interrupt any kernel context
 * @contexts: 1 from user mode, 2 from kernel mode
 */
struct root {
	const char *name;
	u64 addr;
	const char *kind;
	bool error_code;
	bool ist;
	unsigned int contexts;
};

/**
 * struct paths - numbers of paths
 * @entry: from a point before the hook to its end
 * @exit: from the end of an exit hook to the return, of exits not counted yet
 */
struct paths {
	unsigned long entry;
	unsigned long exit;
};

/**
 * struct finding - a violation, or an operand of pre-hook entry code
 * @what: enum rule or enum class
 * @addr: its instruction, or 0
 * @root: the root of a violation, or NULL
 * @text: what is wrong, or what memory it is
 * @insn: the instruction of an operand
 * @in_exit: it is after an exit store
 * @profile: the first machine that has it
 * @machines: number of machines that have it
 * @mark: the last of those
 */
struct finding {
	unsigned int what;
	u64 addr;
	const char *root;
	const char *text;
	const char *insn;
	bool in_exit;
	const char *profile;
	unsigned int machines;
	u64 mark;
};

struct findings {
	struct finding *list;
	size_t n;
};

/**
 * struct result - what was found from one root on one machine
 * @root: the root
 * @profile: the machine
 * @paths: number of paths
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

extern struct findings violations, operands;
extern struct result *results;
extern size_t nr_results, nr_machines, nr_combinations;

/* The root and the machine that are walked now; NULL: none */
extern const struct root *now_root;
extern const struct profile *now_profile;

void __printf(3, 4) fail(enum rule rule, const struct state *s, const char *fmt, ...);
void note_machine(void);
void note_root_begin(void);
void note_root_end(const struct paths *paths);
void note_instruction(struct decoded *insn, const struct state *s);
void note_operand(const struct decoded *insn, const struct state *s, enum class kind,
		  const char *text);
void note_feature_used(u64 addr, unsigned int len);
void check_features(void);
size_t deciding_features(unsigned int list[MAX_FEATURES]);

/* rules.c: what a path must do and must not do */

bool pre_hook(const struct state *s);
void check_place(struct state *s, struct decoded *insn);
enum class check_memory(struct state *s, struct decoded *insn, const cs_x86_op *op);
void check_stack(struct state *s, struct decoded *insn, const char *what);
void check_tables(struct state *s, struct decoded *insn, const char *what);
bool check_known(struct state *s, struct decoded *insn);
void check_leaves_entry(struct state *s, const char *where);
bool is_cpu_state(const cs_x86_op *op, const struct decoded *insn, const char *field);
u64 op_addr(const cs_x86_op *op, const struct decoded *insn);
void cpu_state_or_loaded(struct state *s, bool locked);
void cpu_state_store(struct state *s, struct val v);
void cpu_state_set(struct state *s, unsigned int set);
void cr4_write(struct state *s, struct val v);
void check_fence(struct state *s, struct decoded *insn);
void exit_done(struct state *s);
void check_return(struct state *s, bool to_user);

/* insn.c: what instructions do to a state */

void stack_push(struct state *s, struct val v);
struct val stack_pop(struct state *s);
void do_plain(struct state *s, struct decoded *insn);

/* walk.c: paths: where they lead */

struct paths walk(struct state *s);
void walk_reset(void);
bool was_visited(u64 start, u64 end);

/* print.c: the report, and KTAP */

int report_write(const char *kernel, const char *text_path, const char *tap_path);

/* breakage.c: kernels broken on purpose, for the controls */

void break_kernel(const char *change);

/* audit.c: the entry points, and main() */

#endif /* _AUDIT_H */
