/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hooks of the entry code as functions (coalesce_tlbi_test_hooks.S), for the KUnit
 * suite alone, on coalesce_tlbi_test_cr3 of the calling CPU.  Interrupts must be off.
 */
#ifndef _MM_COALESCE_TLBI_TEST_H
#define _MM_COALESCE_TLBI_TEST_H

DECLARE_PER_CPU_ALIGNED(struct kernel_cr3_state, coalesce_tlbi_test_cr3);

void coalesce_tlbi_test_enter(void);
void coalesce_tlbi_test_exit(void);
unsigned long coalesce_tlbi_test_paranoid_enter(void);
void coalesce_tlbi_test_paranoid_exit(unsigned long saved);

#endif /* _MM_COALESCE_TLBI_TEST_H */
