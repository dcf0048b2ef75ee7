// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle's address and its pages.  A CPU that missed a flush still reaches the
 * page that the address was mapped to before.
 *
 * vmalloc_drain() calls the vmalloc layer's own work function.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/static_call.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "address.h"
#include "coalesce_tlbi_oracle.h"
#include "lookup.h"

/* How often to try for the address that was just given up. */
#define MAX_TRIES	64

/*
 * More than two, so that a TLB entry that missed one flush or several in a row does
 * not reach the right page again.
 */
static const u64 marks[] = {
	0x5a5a000000000000ULL, 0xa5a5000000000001ULL,
	0x5a5a000000000002ULL, 0xa5a5000000000003ULL,
};

/* Serialises all requests here but ORACLE_READ and ORACLE_GLANCE. */
static DEFINE_MUTEX(address_lock);
static struct page *pages[ARRAY_SIZE(marks)];
static void *address;
static int mapped;

DEFINE_STATIC_CALL_NULL(drain_vmap_area_work, *(work_func_t)NULL);

void vmalloc_drain(void)
{
	static_call(drain_vmap_area_work)(NULL);
}

static void *map_page(int n)
{
	return vmap(&pages[n], 1, VM_MAP, PAGE_KERNEL);
}

static int next_page(void)
{
	return (mapped + 1) % ARRAY_SIZE(pages);
}

/*
 * What a reader without the lock, such as an NMI, may find at the address:
 *
 *	STABLE		page @mapped and nothing else
 *	MOVING		anything: no flush has returned yet, or the address changes
 *	FLUSHED		page @mapped or none; the flush of the other page has returned
 *
 * @step grows at each change; its low bits are the phase.  A reader that finds the
 * same step before and after its read has read within that step: @mapped, @address
 * and what is mapped there change while MOVING only, and the step that ends a phase
 * is visible before the next change.
 */
enum phase { STABLE, MOVING, FLUSHED, PHASE_MASK };

static unsigned int step;

static void enter_phase(enum phase phase)
{
	smp_wmb();	/* after the changes of the step that ends */
	WRITE_ONCE(step, (step | PHASE_MASK) + 1 + phase);
	smp_wmb();	/* before those of the step that begins */
}

static bool is_stable(void)
{
	/* Later reads are not older; pairs with enter_phase(). */
	return (smp_load_acquire(&step) & PHASE_MASK) == STABLE;
}

/* Unmap @old and map page @n there, or at another address if that one is lost. */
static int move_to(void *old, int n)
{
	void *missed[MAX_TRIES];
	int tries = 0, back = mapped;
	void *addr;

	enter_phase(MOVING);
	vunmap(old);
	vmalloc_drain();
	WRITE_ONCE(mapped, n);
	enter_phase(FLUSHED);

	while ((addr = map_page(n)) && addr != old && tries < MAX_TRIES)
		missed[tries++] = addr;

	while (tries)
		vunmap(missed[--tries]);

	if (addr == old) {
		enter_phase(STABLE);
		return 0;
	}

	/*
	 * The missed areas are freed before another address is taken.  One that
	 * was taken above them all would be missed again each time.
	 */
	enter_phase(MOVING);
	if (addr)
		vunmap(addr);
	vmalloc_drain();
	WRITE_ONCE(mapped, back);
	WRITE_ONCE(address, map_page(back));
	if (!address)
		return -ENOMEM;
	enter_phase(STABLE);
	return -EAGAIN;
}

static int rewrite_pte(int n)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)address, &level);

	if (!pte || level != PG_LEVEL_4K)
		return -EIO;
	enter_phase(MOVING);
	set_pte(pte, mk_pte(pages[n], PAGE_KERNEL));
	WRITE_ONCE(mapped, n);
	enter_phase(STABLE);
	return 0;
}

static int relocate(void)
{
	void *old = address, *new = map_page(mapped);

	if (!new)
		return -ENOMEM;
	enter_phase(MOVING);
	WRITE_ONCE(address, new);
	enter_phase(STABLE);
	vunmap(old);
	vmalloc_drain();
	return 0;
}

static int page_of(u64 mark)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(marks); i++)
		if (mark == marks[i])
			return i;
	return -1;
}

static noinline int seen_through(const u64 *addr)
{
	return page_of(READ_ONCE(*addr));
}

void address_read(int *seen, int *should)
{
	*seen = seen_through(READ_ONCE(address));
	*should = READ_ONCE(mapped);
}

int address_judge(int *seen, int *should)
{
	unsigned int before = READ_ONCE(step);
	u64 mark;

	smp_rmb();	/* pairs with enter_phase() */
	if (copy_from_kernel_nofault(&mark, READ_ONCE(address), sizeof(mark)))
		mark = 0;
	*seen = page_of(mark);
	*should = READ_ONCE(mapped);
	smp_rmb();	/* pairs with enter_phase() */

	if ((before & PHASE_MASK) == MOVING || before != READ_ONCE(step))
		return -1;
	if ((before & PHASE_MASK) == FLUSHED && *seen == -1)
		return 0;
	return *seen != *should;
}

static int glance(void __user *arg)
{
	struct oracle_glance found = { 0 };
	int wrong = address_judge(&found.seen, &found.mapped);

	found.judged = wrong >= 0;
	found.stale = wrong > 0;
	return copy_to_user(arg, &found, sizeof(found)) ? -EFAULT : 0;
}

/**
 * coalesce_tlbi_oracle_look() - Read through the oracle's address, in any context
 * @seen: page that was reached, as in struct oracle_state
 * @now_mapped: page that the address is mapped to
 *
 * The two differ if a stale TLB entry was used.
 *
 * Return: false if the address is being moved; then nothing is read.
 *
 * Context: any, NMI included.
 */
bool coalesce_tlbi_oracle_look(int *seen, int *now_mapped)
{
	*seen = -1;
	*now_mapped = -1;
	if (!is_stable())
		return false;
	address_read(seen, now_mapped);
	return true;
}
EXPORT_SYMBOL_GPL(coalesce_tlbi_oracle_look);

static int drain_once(void)
{
	void *addr = map_page(0);

	if (!addr)
		return -ENOMEM;
	vunmap(addr);
	vmalloc_drain();
	return 0;
}

static int drain_huge(void)
{
	void *addr = vmalloc_huge(PMD_SIZE, GFP_KERNEL);
	unsigned int level = PG_LEVEL_NONE;

	if (addr)
		lookup_address((unsigned long)addr, &level);
	vfree(addr);
	vmalloc_drain();
	return level == PG_LEVEL_2M ? 0 : -ENOMEM;
}

static int change(unsigned int cmd)
{
	if (!address)
		return -ENXIO;
	switch (cmd) {
	case ORACLE_REMAP:
		return move_to(address, next_page());
	case ORACLE_REMAP_NO_FLUSH:
		return rewrite_pte(next_page());
	case ORACLE_RELOCATE:
		return relocate();
	case ORACLE_DRAIN:
		return drain_once();
	case ORACLE_DRAIN_HUGE:
		return drain_huge();
	case ORACLE_UNMAP_ALIASES:
		vm_unmap_aliases();
		return 0;
	}
	return -ENOTTY;
}

static int copy_state(int seen, void __user *arg)
{
	struct oracle_state state = {
		.mapped = READ_ONCE(mapped), .seen = seen, .cpu = raw_smp_processor_id(),
	};

	return copy_to_user(arg, &state, sizeof(state)) ? -EFAULT : 0;
}

long address_ioctl(unsigned int cmd, void __user *arg)
{
	int err;

	if (cmd == ORACLE_GLANCE)
		return glance(arg);
	if (cmd == ORACLE_READ) {
		while (!is_stable())
			cpu_relax();
		return copy_state(seen_through(READ_ONCE(address)), arg);
	}

	mutex_lock(&address_lock);
	err = change(cmd);
	mutex_unlock(&address_lock);
	if (err || !(_IOC_DIR(cmd) & _IOC_READ))
		return err;
	return copy_state(-1, arg);
}

void address_exit(void)
{
	int i;

	vunmap(address);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		if (pages[i])
			__free_page(pages[i]);
}

int address_init(void)
{
	int i;

	static_call_update(drain_vmap_area_work, lookup_function("drain_vmap_area_work"));
	if (!static_call_query(drain_vmap_area_work)) {
		pr_err("no drain_vmap_area_work in this kernel, or no kprobes\n");
		return -ENOENT;
	}

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i])
			goto fail;
		*(u64 *)page_address(pages[i]) = marks[i];
	}
	address = map_page(0);
	if (address)
		return 0;
fail:
	address_exit();
	return -ENOMEM;
}
