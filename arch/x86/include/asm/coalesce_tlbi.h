/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deferred kernel TLB flushes: the per-CPU state and the hooks of the entry code.
 *
 * kernel_cr3_loaded holds one state per CPU.  It says whether the CPU has passed its
 * entry hook and has not reached its exit hook, with or without page-table isolation:
 *
 *	0			in user mode, no flush pending
 *	FLUSH_PENDING		in user mode, flushes at its next kernel entry
 *	LOADED			runs kernel code, no flush pending
 *	LOADED + FLUSH_PENDING	has entered the kernel, its flush is not complete
 *
 * In mode always, FLUSH_ALWAYS is set in addition while the CPU is in user mode and
 * until its flush is complete: the entry flushes whether a flush is pending or not.
 * FLUSH_PENDING is set by initiators only, so it always means that an IPI was deferred.
 *
 * An initiator that finds a target without LOADED sets FLUSH_PENDING and sends no
 * IPI.  A housekeeping CPU always has LOADED and gets its IPIs as before, so an
 * initiator needs no mask of CPUs: the state alone decides.
 *
 * Invariants, on which the ordering argument in arch/x86/mm/coalesce_tlbi.c rests:
 *
 *   1. While LOADED is set, only the CPU itself writes its state.
 *   2. Only the CPU itself clears FLUSH_PENDING, and only after its flush has
 *      completed.  Whoever finds LOADED + FLUSH_PENDING flushes again.
 *   3. The exit hook does not store twice without an entry hook in between.  The
 *      second store would erase a FLUSH_PENDING that was set after the first.
 *   4. From the store of the exit hook to the end of the entry hook the CPU
 *      accesses only memory whose translation cannot have changed since it last
 *      ran kernel code: entry text, per-CPU data, the table of per-CPU offsets,
 *      the pinned bits of CR4, the cpu_entry_area, the espfix page, the loaded LDT, its
 *      own task stack.
 *
 * An interleaving that invariant 2 forbids: the entry code sets LOADED by an
 * exchange that clears FLUSH_PENDING.  An NMI arrives before the flush, finds
 * LOADED, and follows a pointer through a stale TLB entry, although the initiator of
 * that flush has returned already.
 */
#ifndef _ASM_X86_COALESCE_TLBI_H
#define _ASM_X86_COALESCE_TLBI_H

#define KERNEL_CR3_LOADED		1
#define KERNEL_CR3_FLUSH_PENDING	2
#define KERNEL_CR3_FLUSH_ALWAYS		4

/* The entry hook flushes if any of these is set. */
#define KERNEL_CR3_FLUSH		(KERNEL_CR3_FLUSH_PENDING | KERNEL_CR3_FLUSH_ALWAYS)

/* Offsets into struct kernel_cr3_state, checked where it is defined. */
#define KERNEL_CR3_state		0
#define KERNEL_CR3_exit_state		8
#define KERNEL_CR3_entry_flushes	16
#define KERNEL_CR3_saved		24

#ifdef __ASSEMBLY__

#ifdef CONFIG_COALESCE_TLBI

#include <asm/alternative.h>
#include <asm/cpufeatures.h>
#include <asm/percpu.h>
#include <asm/processor-flags.h>

/* The KUnit suite runs the hooks on a state of its own. */
#ifndef KERNEL_CR3_VAR
#define KERNEL_CR3_VAR	kernel_cr3_loaded
#endif

#define THIS_CPU_KERNEL_CR3(field)	\
	PER_CPU_VAR(KERNEL_CR3_VAR + KERNEL_CR3_##field)

/*
 * Flush every TLB entry of this CPU: all PCIDs, global entries, paging-structure
 * caches.  A write to CR4 that changes PGE does that on every CPU that has PGE (SDM
 * vol. 3, "Operations that Invalidate TLBs") and is serialising.
 *
 * Runs with interrupts off.  Needs one register and no stack.  An NMI between the
 * two writes is harmless: it toggles PGE from the same shadow, and the second write
 * here loads the value of the shadow whatever CR4 holds by then.
 *
 * The shadow is writable memory.  Bits that can be pinned come from read-only memory,
 * as in native_write_cr4(), so that an attacker who can overwrite the shadow can neither
 * clear SMEP or SMAP nor set FSGSBASE where the kernel does not use it.
 */
.macro COALESCE_TLBI_FLUSH scratch_reg:req
	movq	PER_CPU_VAR(cpu_tlbstate + TLB_STATE_cr4), \scratch_reg
	andq	coalesce_tlbi_unpinned_cr4(%rip), \scratch_reg
	orq	coalesce_tlbi_pinned_cr4(%rip), \scratch_reg
	xorq	$X86_CR4_PGE, \scratch_reg
	movq	\scratch_reg, %cr4
	xorq	$X86_CR4_PGE, \scratch_reg
	movq	\scratch_reg, %cr4
	incq	THIS_CPU_KERNEL_CR3(entry_flushes)
.endm

/*
 * Set LOADED, and flush if a flush is pending.
 *
 * The locked OR is a full barrier, and it decides the race with the cmpxchg of an
 * initiator.  If the initiator comes first, FLUSH_PENDING is seen below.  If it comes
 * second, its cmpxchg fails, it reads LOADED and sends the IPI.  The prefix is
 * spelled out because LOCK_PREFIX is patched at run time, and text that is patched
 * at run time must not run before a flush.
 *
 * A CPU that predicts "no flush pending" would run C code speculatively with stale TLB
 * entries until the state has been read.  LFENCE ends that speculation here.  Only CPUs
 * that defer execute it.  mitigations=off leaves it out.
 */
.macro COALESCE_TLBI_LOAD scratch_reg:req
	lock orq $KERNEL_CR3_LOADED, THIS_CPU_KERNEL_CR3(state)
	testb	$KERNEL_CR3_FLUSH, THIS_CPU_KERNEL_CR3(state)
	jz	.Lcoalesce_tlbi_loaded_\@
	COALESCE_TLBI_FLUSH \scratch_reg
	movq	$KERNEL_CR3_LOADED, THIS_CPU_KERNEL_CR3(state)
.Lcoalesce_tlbi_loaded_\@:
	ALTERNATIVE "", "lfence", X86_FEATURE_COALESCE_TLBI_FENCE
.endm

/*
 * Record the old state for coalesce_tlbi_assert_interrupted().  The exit resets the
 * record, so that an entry without this hook (#BP) does not read the value of an
 * earlier entry.  No macro takes a constant as argument: clang's assembler rejects one
 * that begins with a dollar sign.
 */
.macro COALESCE_TLBI_DEBUG_SAVE save_reg:req
#ifdef CONFIG_COALESCE_TLBI_DEBUG
	movq	\save_reg, THIS_CPU_KERNEL_CR3(saved)
#endif
.endm

.macro COALESCE_TLBI_DEBUG_RESET
#ifdef CONFIG_COALESCE_TLBI_DEBUG
	movq	$KERNEL_CR3_LOADED, THIS_CPU_KERNEL_CR3(saved)
#endif
.endm

/* The hooks without the feature check, for the KUnit suite. */
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
 * Entry from user mode.  Kernel CR3 and kernel GS are loaded, interrupts are off,
 * no pointer has been followed yet.  Clobbers flags and, if it flushes, @scratch_reg.
 * Needs no stack.
 */
.macro COALESCE_TLBI_ENTER scratch_reg:req
	ALTERNATIVE "jmp .Lcoalesce_tlbi_enter_end_\@", "", X86_FEATURE_COALESCE_TLBI
	__COALESCE_TLBI_ENTER \scratch_reg
.Lcoalesce_tlbi_enter_end_\@:
.endm

/*
 * Exit to user mode.  Kernel GS and, with page-table isolation, kernel CR3 are
 * still loaded.  From here to the return instruction the code calls nothing and
 * accesses only the memory of invariant 4.  On a CPU that never defers exit_state is
 * LOADED and nothing is stored.
 *
 * A plain store is enough: no other CPU writes the state while LOADED is set, and
 * x86 makes the store visible after all earlier loads and stores.
 */
.macro COALESCE_TLBI_EXIT scratch_reg:req
	ALTERNATIVE "jmp .Lcoalesce_tlbi_exit_end_\@", "", X86_FEATURE_COALESCE_TLBI
	__COALESCE_TLBI_EXIT \scratch_reg
.Lcoalesce_tlbi_exit_end_\@:
.endm

/*
 * Entry that can interrupt kernel context anywhere, the other hooks included (NMI,
 * #DB, #MC, #DF, #VC; every FRED ring 0 event).  Kernel GS is loaded.  @save_reg
 * keeps the old state until the exit.  It is preset to LOADED outside the
 * alternative, so that an #MC that enters before alternatives are applied and returns
 * after that restores nothing.
 */
.macro COALESCE_TLBI_PARANOID_ENTER save_reg:req scratch_reg:req
	movq	$KERNEL_CR3_LOADED, \save_reg
	ALTERNATIVE "jmp .Lcoalesce_tlbi_paranoid_enter_end_\@", "", X86_FEATURE_COALESCE_TLBI
	__COALESCE_TLBI_PARANOID_ENTER \save_reg \scratch_reg
	COALESCE_TLBI_DEBUG_SAVE \save_reg
.Lcoalesce_tlbi_paranoid_enter_end_\@:
.endm

/*
 * Return from such an entry.  If the interrupted context had LOADED, it is kernel
 * code, or an entry in progress for which the handler has flushed.  Keep the state:
 * without LOADED the rest of that entry would run while initiators skip this CPU.
 * Otherwise it is code between an exit hook and the next entry hook, which has to
 * find what the exit hook stored.
 */
.macro COALESCE_TLBI_PARANOID_EXIT save_reg:req scratch_reg:req
	ALTERNATIVE "jmp .Lcoalesce_tlbi_paranoid_exit_end_\@", "", X86_FEATURE_COALESCE_TLBI
	COALESCE_TLBI_DEBUG_RESET
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

#ifdef CONFIG_COALESCE_TLBI

#include <linux/atomic.h>
#include <linux/percpu.h>

/**
 * struct kernel_cr3_state - per-CPU data that the entry code accesses
 * @state: KERNEL_CR3_LOADED and KERNEL_CR3_FLUSH_PENDING, see above
 * @exit_state: what the exit hook stores to @state: 0 in mode pending,
 *	KERNEL_CR3_FLUSH_ALWAYS in mode always, KERNEL_CR3_LOADED on a CPU that never
 *	defers (nothing is stored there).  Fixed before alternatives are applied.
 * @entry_flushes: flushes by entry hooks of this CPU; written by this CPU only
 * @saved: with CONFIG_COALESCE_TLBI_DEBUG, the @state found by the last entry of the
 *	kind that can interrupt kernel context anywhere
 * @asserted: with CONFIG_COALESCE_TLBI_DEBUG, how often @saved was checked
 *
 * All in one cache line, so that a hook accesses a single line.
 */
struct kernel_cr3_state {
	atomic_long_t	state;
	unsigned long	exit_state;
	unsigned long	entry_flushes;
#ifdef CONFIG_COALESCE_TLBI_DEBUG
	unsigned long	saved;
	unsigned long	asserted;
#endif
};

DECLARE_PER_CPU_ALIGNED(struct kernel_cr3_state, kernel_cr3_loaded);
extern unsigned long coalesce_tlbi_unpinned_cr4;
extern unsigned long coalesce_tlbi_pinned_cr4;

/**
 * coalesce_tlbi_entry_data() - Check whether a range overlaps data of the entry code
 * @cpu: the CPU that the per-CPU part of the data belongs to
 * @addr: first byte of the range
 * @end: last byte of the range
 *
 * A data breakpoint there would raise #DB in the entry code of #DB, recursively.
 *
 * Return: true if it does.
 *
 * Context: any.
 */
static inline bool coalesce_tlbi_entry_data(int cpu, unsigned long addr, unsigned long end)
{
	unsigned long state = (unsigned long)&per_cpu(kernel_cr3_loaded, cpu);
	unsigned long unpinned = (unsigned long)&coalesce_tlbi_unpinned_cr4;
	unsigned long pinned = (unsigned long)&coalesce_tlbi_pinned_cr4;

	return (end >= state && addr < state + sizeof(struct kernel_cr3_state)) ||
	       (end >= unpinned && addr < unpinned + sizeof(unpinned)) ||
	       (end >= pinned && addr < pinned + sizeof(pinned));
}

void coalesce_tlbi_init(unsigned long cr4_mask, unsigned long pinned_cr4);
void coalesce_tlbi_oops(void);
bool coalesce_tlbi_protection_only(unsigned long set, unsigned long clear);
void coalesce_tlbi_flush_aliases(unsigned long start, unsigned long end);
bool coalesce_tlbi_sync_core_kernel_cpus(unsigned long caller);

#else /* !CONFIG_COALESCE_TLBI */

static inline bool coalesce_tlbi_entry_data(int cpu, unsigned long addr, unsigned long end)
{
	return false;
}

static inline void coalesce_tlbi_init(unsigned long cr4_mask, unsigned long pinned_cr4) { }
static inline void coalesce_tlbi_oops(void) { }

/* A macro: an inline function here changes the object code of its callers. */
#define coalesce_tlbi_protection_only(set, clear) ((void)(set), (void)(clear), false)

static inline void coalesce_tlbi_flush_aliases(unsigned long start, unsigned long end) { }

static inline bool coalesce_tlbi_sync_core_kernel_cpus(unsigned long caller)
{
	return false;
}

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
