// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that were executable are not reused while a CPU may still hold an executable
 * translation of them.
 *
 * vfree() of memory with VM_FLUSH_RESET_PERMS (modules, BPF programs, trampolines,
 * kprobe slots) unmaps it and flushes before it frees the pages.  That flush may be
 * deferred.  A CPU in user mode cannot execute the old translation.  But from its next
 * entry until the flush there it may fetch through it speculatively, and then the page
 * must not hold what its next owner wrote.  So the pages stay here until each CPU for
 * which the flush was deferred has flushed.
 *
 *	vfree()					CPU in user mode
 *	-------					----------------
 *	clear the entries
 *	defer the flush: FLUSH_PENDING
 *	free the page
 *						enters; a predicted branch fetches
 *						from the old address
 *	next owner writes to the page
 *						executes it speculatively
 *						flushes
 *
 * Two lists are enough for any number of CPUs, as with RCU callbacks.  Pages in
 * "waiting" wait for the CPUs in waiting_cpus.  flushes_at_start has the flush count of
 * each CPU when that wait began.  Pages that arrive during the wait go to "next".  No
 * IPI is sent and no memory is allocated.  While there are pages, a work item polls the
 * CPUs.
 *
 * A CPU is waited for until it has no flush pending, or has flushed once more than when
 * the wait began.  Every page was unmapped before its wait began.  A flush that was
 * deferred for it was marked FLUSH_PENDING in the state of a CPU without LOADED, so the
 * flush that clears it, or that is counted after the wait began, has begun after the
 * page was unmapped.  A CPU that goes offline enters the kernel for that, and flushes.
 *
 * If there are too many pages, or memory is short, the pending flushes are forced.
 */
#include <linux/coalesce_tlbi.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <asm/coalesce_tlbi.h>

/* A work item looks whether the CPUs have flushed: soon, then once a second. */
#define FIRST_POLL	(HZ / 10)
#define LAST_POLL	HZ

/* Pages that may wait before the pending flushes are forced; 0: none waits */
static unsigned long max_pages = SZ_4M >> PAGE_SHIFT;
module_param(max_pages, ulong, 0644);
MODULE_PARM_DESC(max_pages, "pages that wait for a deferred flush before it is forced");

/* Protects all of the following */
static DEFINE_SPINLOCK(quarantine_lock);
static LIST_HEAD(waiting);
static LIST_HEAD(next);
static unsigned long pages_waiting;
static unsigned long pages_next;
static unsigned long times_forced;
static unsigned long times_polled;
static unsigned long poll_period;
static struct cpumask waiting_cpus;
static DEFINE_PER_CPU(unsigned long, flushes_at_start);

static void poll_cpus(struct work_struct *work);
static DECLARE_DELAYED_WORK(poll_work, poll_cpus);

static bool flush_is_pending(const struct kernel_cr3_state *cr3)
{
	return atomic_long_read(&cr3->state) & KERNEL_CR3_FLUSH_PENDING;
}

/* Make the pages of "next" wait for every CPU that has a flush pending now. */
static void start_waiting(void)
{
	const struct kernel_cr3_state *cr3;
	int cpu;

	list_splice_init(&next, &waiting);
	pages_waiting = pages_next;
	pages_next = 0;
	for_each_possible_cpu(cpu) {
		cr3 = per_cpu_ptr(&kernel_cr3_loaded, cpu);
		per_cpu(flushes_at_start, cpu) = READ_ONCE(cr3->entry_flushes);
		/* Count first: a flush between the two reads ends the wait. */
		smp_rmb();
		if (flush_is_pending(cr3))
			cpumask_set_cpu(cpu, &waiting_cpus);
	}
}

static bool all_have_flushed(void)
{
	const struct kernel_cr3_state *cr3;
	int cpu;

	for_each_cpu(cpu, &waiting_cpus) {
		cr3 = per_cpu_ptr(&kernel_cr3_loaded, cpu);
		if (!flush_is_pending(cr3) ||
		    READ_ONCE(cr3->entry_flushes) != per_cpu(flushes_at_start, cpu))
			cpumask_clear_cpu(cpu, &waiting_cpus);
	}
	/* The flushes precede what the next owners of the pages do. */
	smp_mb();
	return cpumask_empty(&waiting_cpus);
}

/* Move the pages that no longer wait for any CPU to @done. */
static void take_flushed(struct list_head *done)
{
	while (pages_waiting + pages_next) {
		if (!pages_waiting)
			start_waiting();
		if (!all_have_flushed())
			break;
		list_splice_init(&waiting, done);
		pages_waiting = 0;
	}
}

static void take_all(struct list_head *done)
{
	list_splice_init(&waiting, done);
	list_splice_init(&next, done);
	pages_waiting = 0;
	pages_next = 0;
	cpumask_clear(&waiting_cpus);
}

static unsigned long free_pages_of(struct list_head *done)
{
	struct page *page, *tmp;
	unsigned long n = 0;

	list_for_each_entry_safe(page, tmp, done, lru) {
		list_del(&page->lru);
		__free_page(page);
		n++;
		cond_resched();
	}
	return n;
}

static void poll_cpus(struct work_struct *work)
{
	unsigned long left;
	LIST_HEAD(done);

	spin_lock(&quarantine_lock);
	take_flushed(&done);
	left = pages_waiting + pages_next;
	times_polled++;
	poll_period = min(2 * poll_period, (unsigned long)LAST_POLL);
	spin_unlock(&quarantine_lock);

	free_pages_of(&done);
	if (left)
		queue_delayed_work(system_unbound_wq, &poll_work, poll_period);
}

static void force_pending(void)
{
	spin_lock(&quarantine_lock);
	times_forced++;
	spin_unlock(&quarantine_lock);
	coalesce_tlbi_flush_pending();
}

/* Force the pending flushes, and free every page that is here now. */
static unsigned long force_and_free(void)
{
	LIST_HEAD(done);

	spin_lock(&quarantine_lock);
	take_all(&done);
	spin_unlock(&quarantine_lock);

	if (list_empty(&done))
		return 0;
	force_pending();
	return free_pages_of(&done);
}

/**
 * coalesce_tlbi_quarantine() - Keep pages until no CPU can execute them
 * @pages: pages that were executable, unmapped, and flushed by a deferrable flush
 * @n: their number
 *
 * Takes a reference of each page, so that the caller may free them.  The reference is
 * dropped once each CPU for which the flush may have been deferred has flushed.  That
 * is immediately if no CPU has a flush pending, and after the pending flushes have been
 * forced if more than coalesce_tlbi_quarantine.max_pages are kept.
 *
 * Uses page->lru, which nobody else uses for pages of vmalloc memory.
 *
 * Context: process context, may sleep, and wait for CPUs to which it sends an IPI.
 */
void coalesce_tlbi_quarantine(struct page **pages, unsigned int n)
{
	unsigned long left;
	LIST_HEAD(done);
	unsigned int i;

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		return;
	if (n > READ_ONCE(max_pages)) {
		force_pending();
		return;
	}

	spin_lock(&quarantine_lock);
	for (i = 0; i < n; i++) {
		get_page(pages[i]);
		list_add(&pages[i]->lru, &next);
	}
	pages_next += n;
	take_flushed(&done);
	left = pages_waiting + pages_next;
	poll_period = FIRST_POLL;
	spin_unlock(&quarantine_lock);

	free_pages_of(&done);
	if (left > READ_ONCE(max_pages))
		force_and_free();
	else if (left)
		queue_delayed_work(system_unbound_wq, &poll_work, FIRST_POLL);
}

static unsigned long count_pages(struct shrinker *shrinker, struct shrink_control *sc)
{
	return READ_ONCE(pages_waiting) + READ_ONCE(pages_next) ?: SHRINK_EMPTY;
}

/* The core asks for few objects only if memory is short, or caches are dropped. */
static unsigned long scan_pages(struct shrinker *shrinker, struct shrink_control *sc)
{
	return force_and_free() ?: SHRINK_STOP;
}

static int quarantine_show(struct seq_file *m, void *unused)
{
	spin_lock(&quarantine_lock);
	seq_printf(m, "pages %lu\nforced %lu\npolled %lu\nwaiting_cpus %*pbl\n",
		   pages_waiting + pages_next, times_forced, times_polled,
		   cpumask_pr_args(&waiting_cpus));
	spin_unlock(&quarantine_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(quarantine);

static int __init register_quarantine(void)
{
	struct shrinker *shrinker;

	if (!cpu_feature_enabled(X86_FEATURE_COALESCE_TLBI))
		return 0;
	debugfs_create_file("coalesce_tlbi_quarantine", 0400, arch_debugfs_dir, NULL,
			    &quarantine_fops);
	shrinker = shrinker_alloc(0, "coalesce_tlbi");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_pages;
	shrinker->scan_objects = scan_pages;
	shrinker_register(shrinker);
	return 0;
}
late_initcall(register_quarantine);
