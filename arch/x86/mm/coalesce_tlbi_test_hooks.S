/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hooks of the entry code as functions, for the KUnit suite: the same macros
 * without the feature check, on a state of the suite's own.  Interrupts must be off.
 */
#define KERNEL_CR3_VAR	coalesce_tlbi_test_cr3

#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/coalesce_tlbi.h>
#include <asm/nospec-branch.h>

/* void coalesce_tlbi_test_enter(void) */
SYM_FUNC_START(coalesce_tlbi_test_enter)
	__COALESCE_TLBI_ENTER scratch_reg=%rax
	RET
SYM_FUNC_END(coalesce_tlbi_test_enter)

/* void coalesce_tlbi_test_exit(void) */
SYM_FUNC_START(coalesce_tlbi_test_exit)
	__COALESCE_TLBI_EXIT scratch_reg=%rax
	RET
SYM_FUNC_END(coalesce_tlbi_test_exit)

/* unsigned long coalesce_tlbi_test_paranoid_enter(void): returns the saved state */
SYM_FUNC_START(coalesce_tlbi_test_paranoid_enter)
	__COALESCE_TLBI_PARANOID_ENTER save_reg=%rax scratch_reg=%rcx
	RET
SYM_FUNC_END(coalesce_tlbi_test_paranoid_enter)

/* void coalesce_tlbi_test_paranoid_exit(unsigned long saved) */
SYM_FUNC_START(coalesce_tlbi_test_paranoid_exit)
	__COALESCE_TLBI_PARANOID_EXIT save_reg=%rdi scratch_reg=%rax
	RET
SYM_FUNC_END(coalesce_tlbi_test_paranoid_exit)
