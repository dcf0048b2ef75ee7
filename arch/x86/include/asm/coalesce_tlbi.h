/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deferral of kernel TLB flushes on CPUs that run user mode: the per-CPU word
 * and the hooks that the entry code runs on it.
 *
 * One word per CPU, kernel_cr3_loaded, says where the CPU stands:
 *
 *	0		in user mode, owes nothing
 *	FLUSH_PENDING		in user mode, flushes before it runs more kernel code
 *	LOADED		runs kernel code, owes nothing
 *	LOADED + FLUSH_PENDING	has entered the kernel, its flush is not finished
 *
 * An initiator whose target lacks LOADED sets FLUSH_PENDING in place of an interrupt.  A
 * CPU that never leaves LOADED (every housekeeping CPU) is interrupted as ever,
 * so the word alone decides and no mask of CPUs has to be read.
 *
 * Invariants, which arch/x86/mm/coalesce_tlbi.c argues from:
 *
 *   1. While LOADED is set, only the CPU itself writes its word.
 *   2. FLUSH_PENDING is cleared only by the CPU itself and only after its flush has
 *      completed.  Whoever finds LOADED + FLUSH_PENDING flushes again.
 *   3. The exit store is not run twice without an entry hook in between: the
 *      second store would erase an FLUSH_PENDING that arrived after the first.
 *   4. From the instruction after the exit store to the end of the entry hook
 *      the CPU touches only memory whose translation cannot have changed since
 *      it last ran kernel code: entry text, per-CPU data and the table of its
 *      offsets, the cpu_entry_area, the espfix page, the LDT it has loaded, its
 *      own task stack.
 *
 * An interleaving that invariant 2 forbids: the entry code exchanges in
 * LOADED, an NMI arrives before the flush, finds LOADED, takes that for
 * "flushed" and follows a pointer through an entry whose flush has already
 * returned to its initiator.
 */
#ifndef _ASM_X86_COALESCE_TLBI_H
#define _ASM_X86_COALESCE_TLBI_H

#define KERNEL_CR3_LOADED		1
#define KERNEL_CR3_FLUSH_PENDING			2

/* Offsets into struct kernel_cr3_state, checked where it is defined. */
#define KERNEL_CR3_state			0
#define KERNEL_CR3_exit_state		8
#define KERNEL_CR3_entry_flushes	16
#define KERNEL_CR3_saved		24

#ifdef __ASSEMBLY__

#ifdef CONFIG_COALESCE_TLBI

#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/percpu.h>
#include <asm/processor-flags.h>

#define THIS_CPU_KERNEL_CR3(field)	\
	PER_CPU_VAR(kernel_cr3_loaded + KERNEL_CR3_##field)

/*
 * Drop every translation of this CPU: all PCIDs, global entries, paging
 * structure caches.  Writing CR4 with PGE changed does that on every CPU that
 * has PGE (SDM vol. 3, "Operations that Invalidate TLBs"), and is serialising.
 *
 * Runs with interrupts off and needs one register, no stack.  An NMI between
 * the two writes is harmless: it flushes from the same shadow, by a toggle of
 * its own, and the second write here restores the shadow's value whatever CR4
 * holds by then.
 */
.macro COALESCE_TLBI_FLUSH scratch_reg:req
	movq	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_cr4), \scratch_reg
	xorq	$X86_CR4_PGE, \scratch_reg
	movq	\scratch_reg, %cr4
	xorq	$X86_CR4_PGE, \scratch_reg
	movq	\scratch_reg, %cr4
	incq	THIS_CPU_KERNEL_CR3(entry_flushes)
.endm

/*
 * Take the word from whatever it is to LOADED.
 *
 * The locked OR orders what user mode did before against the read of FLUSH_PENDING
 * after it, and decides between this CPU and an initiator's compare-and-exchange:
 * either the initiator comes first and FLUSH_PENDING is seen below, or it comes second,
 * fails, sees LOADED and interrupts.  The prefix is spelled out: LOCK_PREFIX
 * is a site that is patched at run time, which must not exist before a flush.
 */
.macro COALESCE_TLBI_LOAD scratch_reg:req
	lock orq $KERNEL_CR3_LOADED, THIS_CPU_KERNEL_CR3(state)
	testb	$KERNEL_CR3_FLUSH_PENDING, THIS_CPU_KERNEL_CR3(state)
	jz	.Lcoalesce_tlbi_loaded_\@
	COALESCE_TLBI_FLUSH \scratch_reg
	movq	$KERNEL_CR3_LOADED, THIS_CPU_KERNEL_CR3(state)
.Lcoalesce_tlbi_loaded_\@:
.endm

/*
 * For coalesce_tlbi_assert_interrupted().  Taken back at the exit, so that what
 * one entry leaves is not found by one that has no such hook (#BP).  No constant is
 * an argument: clang's assembler rejects one that begins with a dollar sign.
 */
.macro COALESCE_TLBI_DEBUG_SAVE save_reg:req
#ifdef CONFIG_COALESCE_TLBI_DEBUG
	movq	\save_reg, THIS_CPU_KERNEL_CR3(saved)
#endif
.endm

.macro COALESCE_TLBI_DEBUG_TAKE_BACK
#ifdef CONFIG_COALESCE_TLBI_DEBUG
	movq	$KERNEL_CR3_LOADED, THIS_CPU_KERNEL_CR3(saved)
#endif
.endm

/* The hooks without their gate, for the KUnit suite, which brings its own. */
.macro __COALESCE_TLBI_ENTER scratch_reg:req
	cmpq	$KERNEL_CR3_LOADED, THIS_CPU_KERNEL_CR3(state)
	je	.Lcoalesce_tlbi_entered_\@
	COALESCE_TLBI_LOAD \scratch_reg
.Lcoalesce_tlbi_entered_\@:
.endm

.macro __COALESCE_TLBI_EXIT scratch_reg:req
	cmpq	$KERNEL_CR3_LOADED, THIS_CPU_KERNEL_CR3(exit_state)
	je	.Lcoalesce_tlbi_exited_\@
	movq	THIS_CPU_KERNEL_CR3(exit_state), \scratch_reg
	movq	\scratch_reg, THIS_CPU_KERNEL_CR3(state)
.Lcoalesce_tlbi_exited_\@:
.endm

.macro __COALESCE_TLBI_PARANOID_ENTER save_reg:req scratch_reg:req
	movq	THIS_CPU_KERNEL_CR3(state), \save_reg
	cmpq	$KERNEL_CR3_LOADED, \save_reg
	je	.Lcoalesce_tlbi_paranoid_entered_\@
	COALESCE_TLBI_LOAD \scratch_reg
.Lcoalesce_tlbi_paranoid_entered_\@:
.endm

.macro __COALESCE_TLBI_PARANOID_EXIT save_reg:req scratch_reg:req
	testq	$KERNEL_CR3_LOADED, \save_reg
	jnz	.Lcoalesce_tlbi_paranoid_exited_\@
	movq	THIS_CPU_KERNEL_CR3(exit_state), \scratch_reg
	movq	\scratch_reg, THIS_CPU_KERNEL_CR3(state)
.Lcoalesce_tlbi_paranoid_exited_\@:
.endm

/*
 * Entry from user mode.  Kernel CR3 and kernel GS are loaded, interrupts are
 * off, nothing has followed a pointer yet.  Clobbers flags and, if it flushes,
 * @scratch_reg; needs no stack.
 */
.macro COALESCE_TLBI_ENTER scratch_reg:req
	ALTERNATIVE "jmp .Lcoalesce_tlbi_enter_end_\@", "", X86_FEATURE_COALESCE_TLBI
	__COALESCE_TLBI_ENTER \scratch_reg
.Lcoalesce_tlbi_enter_end_\@:
.endm

/*
 * Exit to user mode.  Kernel GS and, with page-table isolation, kernel CR3 are
 * still loaded.  From here to the return instruction nothing is called and
 * only the memory of invariant 4 is touched.  exit_state is LOADED on a CPU
 * whose flushes are never deferred, and there nothing is stored.
 *
 * The plain store is enough: while LOADED is set no one else writes the word,
 * and x86 makes it visible after every load and store before it.
 */
.macro COALESCE_TLBI_EXIT scratch_reg:req
	ALTERNATIVE "jmp .Lcoalesce_tlbi_exit_end_\@", "", X86_FEATURE_COALESCE_TLBI
	__COALESCE_TLBI_EXIT \scratch_reg
.Lcoalesce_tlbi_exit_end_\@:
.endm

/*
 * Entry that can interrupt kernel context anywhere, the other hooks included
 * (NMI, #DB, #MC, #DF, #VC; every FRED ring 0 event).  Kernel GS is loaded.
 * @save_reg keeps what the word was until the exit.  It is preset to LOADED
 * outside the gate, so that an #MC that enters before alternatives are applied
 * and returns after restores nothing.
 */
.macro COALESCE_TLBI_PARANOID_ENTER save_reg:req scratch_reg:req
	movq	$KERNEL_CR3_LOADED, \save_reg
	ALTERNATIVE "jmp .Lcoalesce_tlbi_paranoid_enter_end_\@", "", X86_FEATURE_COALESCE_TLBI
	__COALESCE_TLBI_PARANOID_ENTER \save_reg \scratch_reg
	COALESCE_TLBI_DEBUG_SAVE \save_reg
.Lcoalesce_tlbi_paranoid_enter_end_\@:
.endm

/*
 * Return from such an entry.  What was interrupted had LOADED: it is the
 * kernel, or an entry in progress that the handler has flushed for.  Leave the
 * word alone; storing a user value would run the rest of that entry unseen by
 * initiators.  It had not: back to a window where an entry hook still has to come.
 */
.macro COALESCE_TLBI_PARANOID_EXIT save_reg:req scratch_reg:req
	ALTERNATIVE "jmp .Lcoalesce_tlbi_paranoid_exit_end_\@", "", X86_FEATURE_COALESCE_TLBI
	COALESCE_TLBI_DEBUG_TAKE_BACK
	__COALESCE_TLBI_PARANOID_EXIT \save_reg \scratch_reg
.Lcoalesce_tlbi_paranoid_exit_end_\@:
.endm

#else /* !CONFIG_COALESCE_TLBI */

.macro COALESCE_TLBI_ENTER scratch_reg:req
.endm
.macro COALESCE_TLBI_EXIT scratch_reg:req
.endm
.macro COALESCE_TLBI_PARANOID_ENTER save_reg:req scratch_reg:req
.endm
.macro COALESCE_TLBI_PARANOID_EXIT save_reg:req scratch_reg:req
.endm

#endif /* CONFIG_COALESCE_TLBI */

#else /* !__ASSEMBLY__ */

struct pt_regs;
struct seq_file;

#ifdef CONFIG_COALESCE_TLBI

#include <linux/atomic.h>
#include <linux/percpu.h>

/**
 * struct kernel_cr3_state - what the entry code of one CPU reads and writes
 * @state: where the CPU stands; KERNEL_CR3_LOADED and KERNEL_CR3_FLUSH_PENDING
 * @exit_state: what the exit hook puts into @state: KERNEL_CR3_LOADED on a CPU
 *	whose flushes are never deferred (nothing is stored then), 0 in mode
 *	pending, KERNEL_CR3_FLUSH_PENDING in mode always.  Fixed before alternatives are
 *	applied.
 * @entry_flushes: flushes that entry hooks of this CPU did; written by it alone
 * @saved: with CONFIG_COALESCE_TLBI_DEBUG, @state as the last entry found it that
 *	can interrupt kernel context anywhere
 *
 * One cache line, so that a hook touches one.
 */
struct kernel_cr3_state {
	atomic_long_t	state;
	unsigned long	exit_state;
	unsigned long	entry_flushes;
#ifdef CONFIG_COALESCE_TLBI_DEBUG
	unsigned long	saved;
#endif
};

DECLARE_PER_CPU_ALIGNED(struct kernel_cr3_state, kernel_cr3_loaded);

/**
 * coalesce_tlbi_entry_data() - Does a range overlap what entry code reads?
 * @cpu: the CPU whose data is asked about
 * @addr: first byte of the range
 * @end: last byte of the range
 *
 * A data breakpoint there would raise #DB inside the entry of #DB, for ever.
 *
 * Return: true if it does.
 */
static inline bool coalesce_tlbi_entry_data(int cpu, unsigned long addr, unsigned long end)
{
	unsigned long state = (unsigned long)&per_cpu(kernel_cr3_loaded, cpu);

	return end >= state && addr < state + sizeof(struct kernel_cr3_state);
}

void coalesce_tlbi_init(void);
void coalesce_tlbi_oops(void);
void coalesce_tlbi_show_interrupts(struct seq_file *p, int prec);

/* The hooks as functions, coalesce_tlbi_test_hooks.S */
void coalesce_tlbi_test_enter(void);
void coalesce_tlbi_test_exit(void);
unsigned long coalesce_tlbi_test_paranoid_enter(void);
void coalesce_tlbi_test_paranoid_exit(unsigned long saved);

#else /* !CONFIG_COALESCE_TLBI */

static inline bool coalesce_tlbi_entry_data(int cpu, unsigned long addr, unsigned long end)
{
	return false;
}

static inline void coalesce_tlbi_init(void) { }
static inline void coalesce_tlbi_oops(void) { }
static inline void coalesce_tlbi_show_interrupts(struct seq_file *p, int prec) { }

#endif /* CONFIG_COALESCE_TLBI */

#ifdef CONFIG_COALESCE_TLBI_DEBUG
void coalesce_tlbi_assert_loaded(void);
void coalesce_tlbi_assert_interrupted(struct pt_regs *regs);
#else
static __always_inline void coalesce_tlbi_assert_loaded(void) { }
static __always_inline void coalesce_tlbi_assert_interrupted(struct pt_regs *regs) { }
#endif

#endif /* __ASSEMBLY__ */

#endif /* _ASM_X86_COALESCE_TLBI_H */
