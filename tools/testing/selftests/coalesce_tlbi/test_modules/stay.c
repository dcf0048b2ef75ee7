// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU that stays in the kernel with interrupts off, and walks page tables there
 * without a lock.  Kernel code may do so because a CPU that frees page tables waits
 * for an IPI to that CPU first.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <asm/apic.h>
#include <asm/msr.h>

#include "coalesce_tlbi_oracle.h"
#include "stay.h"

/* Registers of 32 vectors each that tell which interrupts are due. */
#define IRR_REGISTERS	8

/*
 * The CPU that stays writes @stays; others write @leave, @walked and @address.
 * A walk reads the tables of @walked, which is referenced, and whose owner does
 * not exit before the stay has ended.
 */
static struct oracle_stay stays;
static bool leave;
static struct mm_struct *walked;
static unsigned long address;

static bool interrupt_is_due(void)
{
	bool x2apic = x2apic_enabled();
	u64 due = 0;
	int i;

	for (i = 0; i < IRR_REGISTERS && !due; i++) {
		u32 reg = APIC_IRR + i * 0x10;

		due = x2apic ? native_read_msr(APIC_BASE_MSR + (reg >> 4)) :
			       native_apic_mem_read(reg);
	}
	return due;
}

/* The page-table entry of the address, NULL if a huge mapping or none covers it. */
static pte_t *walk(void)
{
	pgd_t *pgd;
	p4d_t *p4d;
	pud_t *pud;
	pmd_t pmd;

	if (!walked)
		return NULL;
	pgd = pgd_offset(walked, address);
	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, address);
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, address);
	if (pud_none(*pud) || pud_leaf(*pud))
		return NULL;
	pmd = READ_ONCE(*pmd_offset(pud, address));
	if (!pmd_present(pmd) || pmd_leaf(pmd))
		return NULL;
	return (pte_t *)pmd_page_vaddr(pmd) + pte_index(address);
}

/*
 * One stretch with interrupts off, until one is due.  An entry that was found at
 * the beginning must still be there at the end: a CPU that clears it first waits
 * until this CPU has interrupts on again.
 */
static void stay_once(void)
{
	pte_t *pte, found;

	local_irq_disable();
	pte = walk();
	if (pte)
		found = READ_ONCE(*pte);
	WRITE_ONCE(stays.stretches, stays.stretches + 1);

	while (!READ_ONCE(leave) && !interrupt_is_due())
		cpu_relax();

	if (pte && pte_present(found)) {
		stays.walks++;
		stays.changed += pte_pfn(READ_ONCE(*pte)) != pte_pfn(found) ||
				 !pte_present(READ_ONCE(*pte));
	}
	local_irq_enable();
}

static int stay(void)
{
	while (!READ_ONCE(leave)) {
		stay_once();
		/* An RCU-tasks grace period may wait for this task too. */
		cond_resched_tasks_rcu_qs();
		if (signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int walk_at(unsigned long where)
{
	stay_exit();
	address = where;
	if (where) {
		mmgrab(current->mm);
		walked = current->mm;
	}
	/* Before the CPU is asked to stay. */
	stays = (struct oracle_stay){ 0 };
	WRITE_ONCE(leave, false);
	return 0;
}

long stay_ioctl(unsigned int cmd, unsigned long arg)
{
	struct oracle_stay copy;

	switch (cmd) {
	case ORACLE_STAY:
		return stay();
	case ORACLE_WALK_AT:
		return walk_at(arg);
	case ORACLE_LEAVE:
		WRITE_ONCE(leave, true);
		return 0;
	case ORACLE_STAYED:
		copy = stays;
		return copy_to_user((void __user *)arg, &copy, sizeof(copy)) ? -EFAULT : 0;
	}
	return -ENOTTY;
}

void stay_exit(void)
{
	if (walked)
		mmdrop(walked);
	walked = NULL;
}
