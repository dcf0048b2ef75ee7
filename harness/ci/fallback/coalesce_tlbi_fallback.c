// SPDX-License-Identifier: GPL-2.0
/*
 * The functions of the series without CONFIG_COALESCE_TLBI: each has to be the plain
 * operation on every CPU, complete when it returns.  The checks run when the module
 * is loaded; the first that fails is logged and refuses the load.  No CPU goes online
 * or offline meanwhile.
 *
 * control=NAME makes the check of that name expect another result, so that each can
 * be seen to fail.
 */
#include <linux/coalesce_tlbi.h>
#include <linux/cpu.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#ifdef CONFIG_COALESCE_TLBI
#error "tests kernels without the option"
#endif

#define ROUNDS	64
#define AREAS	256

static char *control = "";
module_param(control, charp, 0);

static bool is_control(const char *name)
{
	return !strcmp(control, name);
}

/* False tells the caller to send an IPI to every CPU itself. */
static bool check_smp_mb(void)
{
	return smp_mb_kernel_cpus() == is_control("smp-mb");
}

static bool check_policy(void)
{
	bool may = true;
	int cpu;

	coalesce_tlbi_note_huge_change();
	for_each_online_cpu(cpu)
		may = may && coalesce_tlbi_may_queue_work(cpu);
	return may != is_control("policy");
}

static void *address;
static unsigned long wanted;
static atomic_t wrong;

static void read_address(void *info)
{
	if (READ_ONCE(*(unsigned long *)address) != wanted)
		atomic_inc(&wrong);
}

/* Every CPU reads @page through the address that the last one was mapped to. */
static bool read_through(struct page *page, void *same)
{
	void *areas[AREAS];
	int n = 0;

	/* Until the address comes again; what comes before it is kept meanwhile. */
	while (n < AREAS) {
		areas[n] = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
		if (!areas[n] || !same || areas[n] == same)
			break;
		n++;
	}
	address = n < AREAS ? areas[n] : NULL;
	while (n--)
		vunmap(areas[n]);
	if (!address)
		return false;
	wanted = *(unsigned long *)page_address(page) + is_control("remap");
	on_each_cpu(read_address, NULL, 1);
	return true;
}

/* A flush that misses a CPU has it read the page that was there before. */
static bool check_remap(void)
{
	struct page *pages[2] = { alloc_page(GFP_KERNEL), alloc_page(GFP_KERNEL) };
	void *same = NULL;
	bool good = pages[0] && pages[1];
	int i;

	for (i = 0; good && i < ROUNDS; i++) {
		*(unsigned long *)page_address(pages[i & 1]) = 0x5a5a0000 + i;
		good = read_through(pages[i & 1], same);
		same = address;
		vunmap(address);
		vm_unmap_aliases_deferrable();
		coalesce_tlbi_flush_pending();
	}
	for (i = 0; i < 2; i++)
		if (pages[i])
			__free_page(pages[i]);
	return good && !atomic_read(&wrong);
}

/* A new area is zero on every CPU; it is not when it is given up. */
static bool use_area(unsigned long __percpu *area)
{
	bool good = true;
	int cpu;

	for_each_online_cpu(cpu) {
		unsigned long *value = per_cpu_ptr(area, cpu);

		if (READ_ONCE(*value) != is_control("percpu"))
			good = false;
		WRITE_ONCE(*value, cpu + 1);
	}
	return good;
}

/* Chunks of per-CPU memory that come and go */
static bool check_percpu(void)
{
	static unsigned long __percpu *areas[AREAS];
	bool good = true;
	int i;

	for (i = 0; i < AREAS; i++) {
		areas[i] = __alloc_percpu(PAGE_SIZE / 2, sizeof(long));
		good = areas[i] && use_area(areas[i]) && good;
	}
	for (i = 0; i < AREAS; i++)
		free_percpu(areas[i]);
	return good;
}

static DEFINE_STATIC_KEY_FALSE(key);
static bool key_wanted;

static void read_key(void *info)
{
	if (static_branch_unlikely(&key) != key_wanted)
		atomic_inc(&wrong);
}

static bool check_static_key(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		key_wanted = !(i & 1);
		if (key_wanted)
			static_branch_enable(&key);
		else
			static_branch_disable(&key);
		key_wanted ^= is_control("static-key");
		on_each_cpu(read_key, NULL, 1);
	}
	return !atomic_read(&wrong);
}

static const struct {
	const char *name;
	bool (*check)(void);
} checks[] = {
	{ "smp-mb",		check_smp_mb },
	{ "policy",		check_policy },
	{ "remap",		check_remap },
	{ "percpu",		check_percpu },
	{ "static-key",		check_static_key },
};

static int __init fallback_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		atomic_set(&wrong, 0);
		if (!checks[i].check()) {
			pr_err("coalesce_tlbi_fallback: failed: %s\n", checks[i].name);
			return -EINVAL;
		}
	}
	pr_info("coalesce_tlbi_fallback: %zu checks on %u CPUs\n", ARRAY_SIZE(checks),
		num_online_cpus());
	return 0;
}

static void __exit fallback_exit(void)
{
}

module_init(fallback_init);
module_exit(fallback_exit);

MODULE_DESCRIPTION("Checks of the functions without COALESCE_TLBI");
MODULE_LICENSE("GPL");
