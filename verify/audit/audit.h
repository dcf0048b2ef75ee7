/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Audit of the danger zone: what the kernel executes between an entry from user
 * mode and the end of its COALESCE_TLBI hook, and between the store of an exit
 * hook and the return instruction.
 *
 * image.c	the kernel: sections, symbols, alternatives, patched sites
 * rows.c	what is allowed, and why: verify/audit/rows, verify/audit/profiles
 * decode.c	instructions
 * state.c	what is known of registers, stacks and flags on a path
 * insn.c	what instructions do to that
 * walk.c	paths: where they lead
 * rules.c	what a path must and must not do
 * report.c	what was seen
 * main.c	which paths there are
 * breakage.c	kernels broken on purpose
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

/* image.c */

/**
 * struct symbol - one of the kernel
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

/**
 * struct alt - an entry of .altinstructions
 * @site: the instructions that are replaced
 * @repl: what may be put there
 * @feature: on which CPU feature that depends
 * @not: it is put there if the CPU lacks the feature
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

void image_open(const char *path);
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
size_t alternatives(const struct alt **alts);
void alternatives_apply(const bool *features);
const char *patched_site(u64 addr, unsigned int len);
void patched_print(FILE *f);
bool kprobe_possible(u64 addr);
void text_sections(void (*fn)(u64 addr, u64 len));

/* rows.c */

#define MAX_FEATURES	1024
#define MAX_ARGS	4

/**
 * struct row - a line of verify/audit/rows: something that is allowed, and why
 * @kind: what kind of thing
 * @arg: what it is about, as written
 * @nargs: number of @arg
 * @reason: why it is right
 * @line: where it stands
 * @used: how often it explained something
 * @here: this kernel has what it is about
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
 * @feature: what it has
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
void rows_check_used(void);
void rows_print(FILE *f);
void profiles_read(const char *path);
size_t profiles(struct profile **list);

/* decode.c */

/**
 * struct decoded - one instruction of the patched image
 * @cs: what capstone says; NULL for what it does not know
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
bool cs_insn_group_relative(const cs_insn *insn);
bool insn_rip_relative(const cs_insn *insn);

/* state.c */

enum val_kind {
	VAL_UNKNOWN,	/* the user's, or anything */
	VAL_CONST,	/* @n */
	VAL_STACK,	/* @n bytes from the frame in @region */
	VAL_FRAME,	/* word @n of what the CPU pushed: FRAME_* */
	VAL_WORD,	/* what the word was before this entry touched it */
	VAL_EXIT_STATE,
	VAL_CR3,	/* @n: CR3_* */
	VAL_ASID,	/* a CR3 without all but its ASID */
	VAL_CR4,	/* @n: 1 with PGE toggled, 0 as the shadow has it */
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

/* Values that the word may have, as a set */
#define WORD_0			1
#define WORD_FLUSH_PENDING		2
#define WORD_LOADED		4
#define WORD_LOADED_FLUSH_PENDING	8
#define WORD_ANY		15

enum phase { PHASE_ENTRY, PHASE_C, PHASE_EXIT };

enum flags {
	FLAGS_NONE,
	FLAGS_CONST,		/* @flags_n: ZF */
	FLAGS_CS,		/* of the frame, tested for user mode */
	FLAGS_SS,		/* of the frame, tested for the LDT */
	FLAGS_IP,		/* of the frame, compared with @flags_n */
	FLAGS_WORD_LOADED,	/* word compared with LOADED */
	FLAGS_WORD_FLUSH_PENDING,	/* word tested for FLUSH_PENDING */
	FLAGS_EXIT_LOADED,	/* exit_state compared with LOADED */
	FLAGS_SAVED_LOADED,	/* saved word compared with LOADED */
	FLAGS_SAVED_HAS,	/* saved word tested for LOADED */
	FLAGS_GS_SIGN,
	FLAGS_CR3,		/* CF is the bit of user page tables */
};

#define SLOT_LOW	(-72)
#define SLOTS		112

/**
 * struct state - what is known at one point of a path
 * @pc: the next instruction
 * @reg: general registers, in the order of the encoding
 * @slot: what the stacks hold, by region, eight bytes each
 * @user: the frame is that of user mode
 * @required: the word may lack LOADED, so that a hook has to come
 * @untouched: this entry has not written the word
 * @saved: a paranoid hook read the word before it wrote it
 * @paranoid: the frame may be of any kernel context
 * @restoring: a paranoid exit found that the saved word lacked LOADED
 * @lost: called C code before the hook: what follows is said already
 * @restored: a paranoid exit is done
 * @exited: an exit hook is done
 * @ip_seen: which fault addresses the frame's was told apart from: 1 2
 * @phase: before the hook's end, in C, after the exit's store
 * @gs: whose GS is loaded
 * @cr3: whose page tables are
 * @word: what the word can be
 * @flush: 1 after the first write of a CR4 toggle, 2 after the second
 * @cr4_toggled: CR4.PGE is not as it should be
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
	u8 word;
	u8 flush;
	u8 cr4_toggled;
	u8 flags;
	u8 paranoid;
	u8 restoring;
	u8 lost;
	u8 pad[7];
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

/* rules.c */

enum rule {
	RULE_SYMBOL, RULE_HOOK, RULE_OFF, RULE_GS, RULE_CR3, RULE_CALL, RULE_OPERAND,
	RULE_INSN, RULE_PATCHED, RULE_KPROBE, RULE_RANGE, RULE_GAP, RULE_LOCK, RULE_FLUSH,
	RULE_FLUSH_PENDING, RULE_WORD, RULE_SAVE, RULE_EXIT, RULE_EXIT_TWICE, RULE_EXIT_KERNEL,
	RULE_RETURN, RULE_LOOP, RULE_FOLLOW, RULE_FEATURE, RULE_ROW, RULES
};

enum class {
	CLASS_HW_STACK, CLASS_EVENT_STACK, CLASS_TASK_STACK, CLASS_TRAMPOLINE, CLASS_ESPFIX,
	CLASS_HANDLER_STACK, CLASS_PERCPU, CLASS_STATIC, CLASS_OFFSETS, CLASS_TABLES, CLASS_BAD,
	CLASSES
};

void __printf(3, 4) fail(enum rule rule, const struct state *s, const char *fmt, ...);
bool strict(const struct state *s);
void check_place(struct state *s, struct decoded *insn);
enum class check_memory(struct state *s, struct decoded *insn, const cs_x86_op *op);
void check_stack(struct state *s, struct decoded *insn, const char *what);
void check_tables(struct state *s, struct decoded *insn, const char *what);
bool check_known(struct state *s, struct decoded *insn);
void check_leaves_entry(struct state *s, const char *where);
bool is_word(const cs_x86_op *op, const struct decoded *insn, const char *field);
u64 op_addr(const cs_x86_op *op, const struct decoded *insn);
void word_or_loaded(struct state *s, bool locked);
void word_store(struct state *s, struct val v);
void word_set(struct state *s, unsigned int set);
void cr4_write(struct state *s, struct val v);
void exit_done(struct state *s);
void check_return(struct state *s, bool to_user);

/* insn.c */

struct val val_get(struct state *s, const cs_x86_op *op, const struct decoded *insn);
void stack_push(struct state *s, struct val v);
struct val stack_pop(struct state *s);
enum region region_named(const char *name);
void do_plain(struct state *s, struct decoded *insn);

/* walk.c */

/**
 * struct paths - how many there are
 * @entry: from a point before the hook to its end
 * @exit: from the end of an exit hook to the return, of exits not counted yet
 */
struct paths {
	unsigned long entry;
	unsigned long exit;
};

struct paths walk(struct state *s);
void walk_reset(void);
bool was_visited(u64 start, u64 end);

/* breakage.c */

void control_change(const char *change);

/* report.c */

/**
 * struct root - where the CPU or the kernel enters
 * @name: its symbol
 * @addr: its address
 * @kind: how; a word of verify/audit/rows
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

/* What is walked now; 0 is none */
extern const struct root *now_root;
extern const struct profile *now_profile;
extern unsigned int now_serial;

void note_instruction(struct decoded *insn, const struct state *s);
void note_operand(const struct decoded *insn, const struct state *s, enum class kind,
		  const char *text);
void note_feature_used(u64 addr, unsigned int len);
void report_violation(enum rule rule, const struct state *s, const char *text);
void report_machine(void);
void report_root_begin(void);
void report_root_end(const struct paths *paths);
void report_feature_check(void);
size_t report_zone_features(unsigned int list[MAX_FEATURES]);
int report_write(const char *kernel, const char *text_path, const char *tap_path);

void __printf(1, 2) __noreturn die(const char *fmt, ...);
void *xcalloc(size_t n, size_t size);
void *xgrow(void *p, size_t n, size_t size);
__printf(1, 2) char *xprintf(const char *fmt, ...);

#endif /* _AUDIT_H */
