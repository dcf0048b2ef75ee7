// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of <linux/coalesce_tlbi.h> where the option is not: each has to be
 * the plain operation, on all CPUs, done when it returns.  The checks run when the
 * module is loaded; the first that fails is logged and refuses the load.  No CPU
 * comes or goes meanwhile.
 *
 * control=NAME has the check of that name look for something else, so that it
 * fails: each is seen to.
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
#error "tests what stands in for the option"
#endif

#define ROUNDS	64
#define AREAS	256

static char *control = "";
module_param(control, charp, 0);

static bool is_control(const char *name)
{
	return !strcmp(control, name);
}

static atomic_t calls[NR_CPUS];

static void count(void *info)
{
	atomic_inc(&calls[smp_processor_id()]);
}

/* Was each CPU called @n times, and @cpu, if it is one, @self times? */
static bool counted(int n, int cpu, int self)
{
	bool good = true;
	int i;

	for_each_online_cpu(i)
		if (atomic_xchg(&calls[i], 0) != (i == cpu ? self : n))
			good = false;
	return good;
}

static bool check_on_each_cpu(void)
{
	on_each_cpu_in_kernel(count, NULL);
	return counted(is_control("on-each-cpu") ? 2 : 1, -1, 0);
}

static bool check_smp_call(void)
{
	int self = get_cpu();
	bool good;

	smp_call_function_in_kernel(count, NULL);
	good = counted(1, self, is_control("smp-call"));
	put_cpu();
	return good;
}

static bool check_policy(void)
{
	bool may = true;
	int cpu;

	coalesce_tlbi_note_huge_change();
	for_each_online_cpu(cpu)
		may = may && coalesce_tlbi_may_queue_work(cpu);
	return may && !flush_huge_changes() &&
		coalesce_tlbi_protection_only(1, 1) == is_control("policy");
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
	{ "on-each-cpu",	check_on_each_cpu },
	{ "smp-call",		check_smp_call },
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
			pr_err("coalesce_tlbi_fallback: not so: %s\n", checks[i].name);
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

MODULE_DESCRIPTION("Checks of what stands in for COALESCE_TLBI");
MODULE_LICENSE("GPL");
