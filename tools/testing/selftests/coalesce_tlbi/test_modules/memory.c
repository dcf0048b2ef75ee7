// SPDX-License-Identifier: GPL-2.0
/* Requests that map, protect and free kernel memory, and one that oopses. */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/pgtable.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <asm/special_insns.h>

#include "address.h"
#include "coalesce_tlbi_oracle.h"
#include "lookup.h"
#include "memory.h"

/*
 * Together the areas exceed five times the lazily freed memory that triggers a
 * purge on 4 CPUs.  Each belongs to the vmap node of the CPU that mapped it.
 */
#define MANY_AREAS	8
#define MANY_PAGES	16384

#define MAX_TRIES	64

/* More than a freed module has, and than a CPU keeps in its list of free pages */
#define MAX_PAGES	1024

/* More than one chunk of per-CPU memory; one object in KEPT is not freed. */
#define PERCPU_OBJECTS	1024
#define KEPT		16

/* cpu_tlbstate is not larger. */
#define SHADOW_WORDS	64

/* Serialises the requests here, ORACLE_CHURN and ORACLE_WRITE apart. */
static DEFINE_MUTEX(memory_lock);
static void *huge;
static void *many[MANY_AREAS];
static struct page *many_page;
static void *protected_page;
static struct page *direct_page;
static struct page *watched_page;
static void __percpu *percpu_objects[PERCPU_OBJECTS];

/* Not exported to modules; NULL if this kernel does not have them. */
DEFINE_STATIC_CALL_NULL(set_memory_ro, set_memory_ro);
DEFINE_STATIC_CALL_NULL(set_memory_rw, set_memory_rw);
DEFINE_STATIC_CALL_NULL(copy_to_kernel_nofault, copy_to_kernel_nofault);

static bool can_protect(void)
{
	return static_call_query(set_memory_ro) && static_call_query(set_memory_rw);
}

/* A deferred unmap of @page, then a change of memory type of the same page. */
static int change_type(struct page *page)
{
	unsigned long addr = (unsigned long)page_address(page);
	void *alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	int err;

	if (!alias)
		return -ENOMEM;
	vunmap(alias);
	vmalloc_drain();

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

	vmalloc_drain();
	for (i = 0; i < MANY_AREAS; i++) {
		vunmap(many[i]);
		many[i] = NULL;
	}
	vmalloc_drain();
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
 * Map small pages, unmap them, map a huge page there: the page-table page of the
 * small ones is freed.
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
	vmalloc_drain();

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
	vmalloc_drain();
}

static int free_huge(void)
{
	unsigned int level = PG_LEVEL_NONE;
	void *mem = vmalloc_huge(PMD_SIZE, GFP_KERNEL);

	if (!mem)
		return -ENOMEM;
	lookup_address((unsigned long)mem, &level);
	vfree(mem);
	return level == PG_LEVEL_2M ? 0 : -EAGAIN;
}

static int watch_page(void *address)
{
	watched_page = address >= (void *)VMALLOC_START ? vmalloc_to_page(address) : NULL;
	return watched_page ? 0 : -EFAULT;
}

/* Pages that were freed on this CPU are the first that it gets again. */
static int find_page(void)
{
	struct page *page, *tmp;
	LIST_HEAD(pages);
	int i, err = -ENOENT;

	if (!watched_page)
		return -EFAULT;
	for (i = 0; i < MAX_PAGES && err; i++) {
		page = alloc_page(GFP_KERNEL);
		if (!page)
			break;
		list_add(&page->lru, &pages);
		if (page == watched_page)
			err = 0;
	}
	list_for_each_entry_safe(page, tmp, &pages, lru)
		__free_page(page);
	return err;
}

/*
 * What an oops between an exit hook and the return instruction leaves behind: the
 * state says user mode, and no entry hook runs.
 */
static void oops(s64 state)
{
	local_irq_disable();
	set_own_state(state);
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
	vmalloc_drain();
	return addr ? 0 : -ENOMEM;
}

/* Take write permission from the page without a flush. */
static int write_protect_pte(unsigned long addr)
{
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);

	if (!pte || level != PG_LEVEL_4K)
		return -ENXIO;
	set_pte(pte, __pte(pte_val(*pte) & ~(_PAGE_RW | _PAGE_DIRTY)));
	return 0;
}

static int protect(unsigned long how)
{
	if (!can_protect())
		return -ENOENT;
	if (!protected_page)
		protected_page = vmalloc(PAGE_SIZE);
	if (!protected_page)
		return -ENOMEM;
	if (how == ORACLE_READ_ONLY_NO_FLUSH)
		return write_protect_pte((unsigned long)protected_page);

	if (how == ORACLE_READ_ONLY)
		return static_call(set_memory_ro)((unsigned long)protected_page, 1);
	return static_call(set_memory_rw)((unsigned long)protected_page, 1);
}

static int protect_huge(void)
{
	unsigned int level = PG_LEVEL_NONE;
	int err = -EAGAIN;
	void *mem;

	if (!can_protect())
		return -ENOENT;
	mem = vmalloc_huge(PMD_SIZE, GFP_KERNEL);
	if (!mem)
		return -ENOMEM;
	lookup_address((unsigned long)mem, &level);
	if (level == PG_LEVEL_2M) {
		err = static_call(set_memory_ro)((unsigned long)mem, PTRS_PER_PMD);
		if (!err)
			err = static_call(set_memory_rw)((unsigned long)mem, PTRS_PER_PMD);
	}
	vfree(mem);
	return err;
}

/* Always the same page, so that a huge page of the direct map is split once. */
static int protect_direct(void)
{
	unsigned long addr;
	int err;

	if (!can_protect())
		return -ENOENT;
	if (!direct_page)
		direct_page = alloc_page(GFP_KERNEL);
	if (!direct_page)
		return -ENOMEM;
	addr = (unsigned long)page_address(direct_page);
	err = static_call(set_memory_ro)(addr, 1);
	return err ? err : static_call(set_memory_rw)(addr, 1);
}

static int write_to_page(void)
{
	const long value = 1;

	if (!static_call_query(copy_to_kernel_nofault) || !protected_page)
		return -ENOENT;
	return static_call(copy_to_kernel_nofault)(protected_page, &value, sizeof(value)) ?
	       -ERANGE : 0;
}

/* The shadow is what equals CR4 in the struct, which modules do not know. */
static int find_shadow(unsigned long __percpu *state)
{
	unsigned long value, cr4;
	int i, err = -ENOENT;

	preempt_disable();
	cr4 = native_read_cr4();
	for (i = 0; i < SHADOW_WORDS && err < 0; i++)
		if (!get_kernel_nofault(value, this_cpu_ptr(state) + i) && value == cr4)
			err = i;
	preempt_enable();
	return err;
}

static int write_shadow(void __user *arg)
{
	struct oracle_shadow request;
	unsigned long __percpu *state;
	unsigned long *shadow;
	int word;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	if (request.cpu < 0 || request.cpu >= nr_cpu_ids || !cpu_possible(request.cpu))
		return -EINVAL;
	state = (unsigned long __percpu *)(unsigned long)request.address;
	word = find_shadow(state);
	if (word < 0)
		return word;
	shadow = per_cpu_ptr(state, request.cpu) + word;
	if (request.smap)
		*shadow |= X86_CR4_SMAP;
	else
		*shadow &= ~X86_CR4_SMAP;
	return 0;
}

static int has_smap(void)
{
	unsigned long flags, cr4;

	local_irq_save(flags);
	cr4 = native_read_cr4();
	if (!(cr4 & X86_CR4_SMAP))
		asm volatile("mov %0, %%cr4" : : "r" (cr4 | X86_CR4_SMAP) : "memory");
	local_irq_restore(flags);
	return cr4 & X86_CR4_SMAP ? 0 : -ERANGE;
}

static void free_percpu_objects(int keep_each)
{
	int i;

	for (i = 0; i < PERCPU_OBJECTS; i++) {
		if (keep_each && !(i % keep_each))
			continue;
		free_percpu(percpu_objects[i]);
		percpu_objects[i] = NULL;
	}
}

static int churn_percpu(void)
{
	int i, err = 0;

	free_percpu_objects(0);
	for (i = 0; i < PERCPU_OBJECTS && !err; i++) {
		percpu_objects[i] = __alloc_percpu(PAGE_SIZE, sizeof(long));
		if (!percpu_objects[i])
			err = -ENOMEM;
	}
	free_percpu_objects(err ? 0 : KEPT);
	return err;
}

static long locked(unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case ORACLE_PROTECT:
		return protect(arg);
	case ORACLE_PROTECT_DIRECT:
		return protect_direct();
	case ORACLE_PROTECT_HUGE:
		return protect_huge();
	case ORACLE_PERCPU:
		return churn_percpu();
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
	case ORACLE_FREE_HUGE:
		return free_huge();
	case ORACLE_WATCH_PAGE:
		return watch_page((void *)arg);
	case ORACLE_FIND_PAGE:
		return find_page();
	case ORACLE_SHADOW_SMAP:
		return write_shadow((void __user *)arg);
	case ORACLE_HAS_SMAP:
		return has_smap();
	}
	return -ENOTTY;
}

long memory_ioctl(unsigned int cmd, unsigned long arg)
{
	long ret;

	if (cmd == ORACLE_CHURN)
		return churn();
	if (cmd == ORACLE_WRITE)
		return write_to_page();
	if (cmd == ORACLE_OOPS) {
		if (!has_states())
			return -ENOENT;
		oops(arg);
	}
	mutex_lock(&memory_lock);
	ret = locked(cmd, arg);
	mutex_unlock(&memory_lock);
	return ret;
}

void memory_init(void)
{
	static_call_update(set_memory_ro, lookup_function("set_memory_ro"));
	static_call_update(set_memory_rw, lookup_function("set_memory_rw"));
	static_call_update(copy_to_kernel_nofault, lookup_function("copy_to_kernel_nofault"));
}

void memory_exit(void)
{
	unmap_huge();
	purge_many();
	free_percpu_objects(0);
	if (protected_page)
		protect(ORACLE_WRITABLE);
	vfree(protected_page);
	if (direct_page)
		__free_page(direct_page);
}
