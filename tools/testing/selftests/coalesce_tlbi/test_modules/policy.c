// SPDX-License-Identifier: GPL-2.0
/* Requests for what may not be deferred, and for load on the vmalloc layer. */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "coalesce_tlbi_oracle.h"
#include "policy.h"

/*
 * Areas that together exceed five times what is purged at once on 4 CPUs.  Each
 * belongs to the vmap node of the CPU that mapped it.
 */
#define MANY_AREAS	8
#define MANY_PAGES	16384

#define MAX_TRIES	64

/* Serialises the requests here, apart from the churn. */
static DEFINE_MUTEX(policy_lock);
static void *huge;
static void *many[MANY_AREAS];
static struct page *many_page;
static unsigned long __percpu *words;

/* A deferred unmap of @page, then a change of memory type of the same page. */
static int change_type(struct page *page)
{
	unsigned long addr = (unsigned long)page_address(page);
	void *alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	int err;

	if (!alias)
		return -ENOMEM;
	vunmap(alias);
	oracle_drain();

	err = set_memory_uc(addr, 1);
	if (!err)
		err = set_memory_wb(addr, 1);
	return err;
}

static int set_uc(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	int err;

	if (!page)
		return -ENOMEM;
	err = change_type(page);
	__free_page(page);
	return err;
}

static long map_one_of_many(void *pages)
{
	return (long)vmap(pages, MANY_PAGES, VM_MAP, PAGE_KERNEL);
}

static int map_many(void **areas, struct page *page)
{
	struct page **pages = kvmalloc_array(MANY_PAGES, sizeof(*pages), GFP_KERNEL);
	int i, err = 0, cpu = -1;

	if (!pages)
		return -ENOMEM;
	for (i = 0; i < MANY_PAGES; i++)
		pages[i] = page;
	for (i = 0; i < MANY_AREAS; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		areas[i] = (void *)work_on_cpu(cpu, map_one_of_many, pages);
		if (!areas[i])
			err = -ENOMEM;
	}
	kvfree(pages);
	return err;
}

static void purge_many(void)
{
	int i;

	oracle_drain();
	for (i = 0; i < MANY_AREAS; i++) {
		vunmap(many[i]);
		many[i] = NULL;
	}
	oracle_drain();
	if (many_page)
		__free_page(many_page);
	many_page = NULL;
}

static int prepare_many(void)
{
	int err = -EBUSY;

	if (many_page)
		return err;
	many_page = alloc_page(GFP_KERNEL);
	err = many_page ? map_many(many, many_page) : -ENOMEM;
	if (err)
		purge_many();
	return err;
}

static bool within(void *addr, void *start, size_t size)
{
	return addr >= start && addr < start + size;
}

/*
 * Map with small pages, unmap; map a large one there, for which the page-table
 * page of the small ones is freed.
 */
static int map_huge(void)
{
	const size_t size = 3 * PMD_SIZE;
	void *missed[MAX_TRIES], *small = vmalloc(size);
	unsigned int level = PG_LEVEL_NONE;
	int tries = 0;

	if (!small || huge) {
		vfree(small);
		return small ? -EBUSY : -ENOMEM;
	}
	vfree(small);
	oracle_drain();

	while ((huge = vmalloc_huge(PMD_SIZE, GFP_KERNEL)) && !within(huge, small, size) &&
	       tries < MAX_TRIES)
		missed[tries++] = huge;
	while (tries)
		vfree(missed[--tries]);

	if (huge && within(huge, small, size))
		lookup_address((unsigned long)huge, &level);
	return level == PG_LEVEL_2M ? 0 : -EAGAIN;
}

static void unmap_huge(void)
{
	vfree(huge);
	huge = NULL;
	oracle_drain();
}

/*
 * What an oops between an exit store and the return instruction leaves behind:
 * the word says user mode, and no hook comes.
 */
static void oops(s64 word)
{
	local_irq_disable();
	*this_cpu_ptr(words) = word;
	BUG();
}

static int churn(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	void *addr;

	if (!page)
		return -ENOMEM;
	addr = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	vunmap(addr);
	__free_page(page);
	oracle_drain();
	return addr ? 0 : -ENOMEM;
}

static long locked(unsigned int cmd)
{
	switch (cmd) {
	case ORACLE_SET_UC:
		return set_uc();
	case ORACLE_MAP_MANY:
		return prepare_many();
	case ORACLE_PURGE_MANY:
		purge_many();
		return 0;
	case ORACLE_MAP_HUGE:
		return map_huge();
	case ORACLE_UNMAP_HUGE:
		unmap_huge();
		return 0;
	}
	return -ENOTTY;
}

long policy_ioctl(unsigned int cmd, unsigned long arg)
{
	long ret;

	if (cmd == ORACLE_CHURN)
		return churn();
	if (cmd == ORACLE_OOPS) {
		if (!words)
			return -ENOENT;
		oops(arg);
	}
	mutex_lock(&policy_lock);
	ret = locked(cmd);
	mutex_unlock(&policy_lock);
	return ret;
}

void policy_init(unsigned long __percpu *kernel_cr3_loaded)
{
	words = kernel_cr3_loaded;
}

void policy_exit(void)
{
	unmap_huge();
	purge_many();
}
