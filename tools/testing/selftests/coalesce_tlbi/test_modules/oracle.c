// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel half of the COALESCE_TLBI tests.
 *
 * A CPU that missed a flush still reaches the page that an address was mapped
 * to before.  This module owns such an address and the pages.  It works on any
 * x86-64 kernel with kprobes, with the option or without.
 *
 * The drain is the vmalloc layer's own work function, which no module can name.
 * A kprobe that is registered disabled finds it: no text is patched, and the
 * function has its address taken, so it may be called indirectly.
 */
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/ibt.h>
#include <asm/nmi.h>

#include "calls.h"
#include "coalesce_tlbi_oracle.h"
#include "policy.h"
#include "probe.h"
#include "sent.h"
#include "stay.h"

/* How often to try for the address that was just given up. */
#define MAX_TRIES	64

/*
 * More than two, so that an entry that missed one flush or several in a row does
 * not reach the page that is right again.
 */
static const u64 marks[] = {
	0x5a5a000000000000ULL, 0xa5a5000000000001ULL,
	0x5a5a000000000002ULL, 0xa5a5000000000003ULL,
};

/* Serialises all requests but ORACLE_READ, which a test keeps apart itself. */
static DEFINE_MUTEX(oracle_lock);
static struct page *pages[ARRAY_SIZE(marks)];
static void *address;
static int mapped;

static void (*drain_work)(struct work_struct *work);

void oracle_drain(void)
{
	drain_work(NULL);
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
 * What a reader without the lock, an NMI, may find at the address:
 *
 *	STABLE		page @mapped and nothing else
 *	MOVING		anything: no flush has returned yet, or another address is taken
 *	FLUSHED		page @mapped or none; the other page's flush has returned
 *
 * @step grows at each change, its low bits say to what.  A reader that finds the
 * same step before and after has read within it: @mapped, @address and what is
 * mapped for @mapped change while MOVING only, and the step that ends one is
 * visible before the next change is.
 */
enum phase { STABLE, MOVING, FLUSHED, PHASE_MASK };

static unsigned int step;

static void enter_phase(enum phase phase)
{
	smp_wmb();	/* the changes of the step that ends */
	WRITE_ONCE(step, (step | PHASE_MASK) + 1 + phase);
	smp_wmb();	/* those of the step that begins */
}

static bool is_stable(void)
{
	/* What is read after it is not older: pairs with enter_phase(). */
	return (smp_load_acquire(&step) & PHASE_MASK) == STABLE;
}

/* Unmap @old and map page @n there again, or somewhere else if that is lost. */
static int move_to(void *old, int n)
{
	void *missed[MAX_TRIES];
	int tries = 0, back = mapped;
	void *addr;

	enter_phase(MOVING);
	vunmap(old);
	oracle_drain();
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
	 * Give back what was missed before another is taken: one that is taken
	 * above them all would be missed again next time, and so for ever.
	 */
	enter_phase(MOVING);
	if (addr)
		vunmap(addr);
	oracle_drain();
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
	oracle_drain();
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

void oracle_look(int *seen, int *should)
{
	*seen = seen_through(READ_ONCE(address));
	*should = READ_ONCE(mapped);
}

/*
 * Read where the address may be unmapped or moved at this moment: a fault is an
 * answer too.  Return 1 for the wrong page, 0 for a right answer, -1 if what was
 * read cannot be judged.
 */
static int judged_read(int *seen, int *should)
{
	unsigned int before = READ_ONCE(step);
	u64 mark;

	smp_rmb();	/* with enter_phase() */
	if (copy_from_kernel_nofault(&mark, READ_ONCE(address), sizeof(mark)))
		mark = 0;
	*seen = page_of(mark);
	*should = READ_ONCE(mapped);
	smp_rmb();	/* with enter_phase() */

	if ((before & PHASE_MASK) == MOVING || before != READ_ONCE(step))
		return -1;
	if ((before & PHASE_MASK) == FLUSHED && *seen == -1)
		return 0;
	return *seen != *should;
}

static int glance(void __user *arg)
{
	struct oracle_glance found = { 0 };
	int wrong = judged_read(&found.seen, &found.mapped);

	found.judged = wrong >= 0;
	found.stale = wrong > 0;
	return copy_to_user(arg, &found, sizeof(found)) ? -EFAULT : 0;
}

/**
 * coalesce_tlbi_oracle_look() - Read through the oracle's address, in any context
 * @seen: page that was reached, as in struct oracle_state
 * @now_mapped: page that the address is mapped to
 *
 * The two differ if a stale translation was used.
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
	oracle_look(seen, now_mapped);
	return true;
}
EXPORT_SYMBOL_GPL(coalesce_tlbi_oracle_look);

/*
 * But for @cpu, written by the NMI handler of that CPU alone.  The host reads it
 * by its name, which is in kallsyms.
 */
static struct oracle_nmi oracle_nmi = { .cpu = -1, .seen = -1 };

static void read_in_nmi(void)
{
	int wrong = judged_read(&oracle_nmi.seen, &oracle_nmi.mapped);

	oracle_nmi.judged += wrong >= 0;
	oracle_nmi.stale += wrong > 0;
	if (wrong <= 0 && oracle_nmi.seen != oracle_nmi.mapped)
		oracle_nmi.mapped = -1;
	WRITE_ONCE(oracle_nmi.count, oracle_nmi.count + 1);
}

static int oracle_nmi_handler(unsigned int type, struct pt_regs *regs)
{
	probe_nmi();
	if (raw_smp_processor_id() == READ_ONCE(oracle_nmi.cpu))
		read_in_nmi();
	return NMI_HANDLED;
}

static int watch_nmi(void __user *arg)
{
	struct oracle_nmi request;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	WRITE_ONCE(oracle_nmi.cpu, request.cpu);
	return copy_to_user(arg, &oracle_nmi, sizeof(oracle_nmi)) ? -EFAULT : 0;
}

static int drain_once(void)
{
	void *addr = map_page(0);

	if (!addr)
		return -ENOMEM;
	vunmap(addr);
	oracle_drain();
	return 0;
}

static int drain_huge(void)
{
	void *addr = vmalloc_huge(PMD_SIZE, GFP_KERNEL);
	unsigned int level = PG_LEVEL_NONE;

	if (addr)
		lookup_address((unsigned long)addr, &level);
	vfree(addr);
	oracle_drain();
	return level == PG_LEVEL_2M ? 0 : -ENOMEM;
}

static long oracle_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct oracle_state state = { .seen = -1 };
	int err = 0;

	if (cmd == ORACLE_WATCH_NMI)
		return watch_nmi((void __user *)arg);
	if (cmd == ORACLE_GLANCE)
		return glance((void __user *)arg);
	if (cmd == ORACLE_SENT_START || cmd == ORACLE_SENT)
		return sent_ioctl(cmd, arg);
	if (cmd != ORACLE_RELOCATE && _IOC_NR(cmd) >= _IOC_NR(ORACLE_WALK_AT))
		return stay_ioctl(cmd, arg);
	if (cmd != ORACLE_RELOCATE && _IOC_NR(cmd) >= _IOC_NR(ORACLE_SET_UC))
		return policy_ioctl(cmd, arg);
	if (cmd != ORACLE_RELOCATE && _IOC_NR(cmd) >= _IOC_NR(ORACLE_PROBE))
		return probe_ioctl(cmd, (void __user *)arg);

	if (cmd == ORACLE_READ) {
		while (!is_stable())
			cpu_relax();
		state.seen = seen_through(READ_ONCE(address));
	} else {
		mutex_lock(&oracle_lock);
		if (!address)
			err = -ENXIO;
		else if (cmd == ORACLE_REMAP)
			err = move_to(address, next_page());
		else if (cmd == ORACLE_REMAP_NO_FLUSH)
			err = rewrite_pte(next_page());
		else if (cmd == ORACLE_DRAIN)
			err = drain_once();
		else if (cmd == ORACLE_UNMAP_ALIASES)
			vm_unmap_aliases();
		else if (cmd == ORACLE_DRAIN_HUGE)
			err = drain_huge();
		else if (cmd == ORACLE_RELOCATE)
			err = relocate();
		else
			err = -ENOTTY;
		mutex_unlock(&oracle_lock);
	}
	if (err || !(_IOC_DIR(cmd) & _IOC_READ))
		return err;

	state.mapped = READ_ONCE(mapped);
	state.cpu = raw_smp_processor_id();
	return copy_to_user((void __user *)arg, &state, sizeof(state)) ? -EFAULT : 0;
}

static const struct file_operations oracle_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= oracle_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice oracle_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= ORACLE_DEVICE,
	.fops	= &oracle_fops,
	.mode	= 0600,
};

void *oracle_function(const char *name)
{
	struct kprobe probe = {
		.symbol_name	= name,
		.flags		= KPROBE_FLAG_DISABLED,
	};

	if (register_kprobe(&probe))
		return NULL;
	unregister_kprobe(&probe);
	/* With IBT a probe on a function stands behind its ENDBR. */
	return (void *)probe.addr - ENDBR_INSN_SIZE;
}

static void free_all(void)
{
	int i;

	vunmap(address);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		if (pages[i])
			__free_page(pages[i]);
}

static int __init oracle_init(void)
{
	int err = -ENOMEM;
	int i;

	drain_work = oracle_function("drain_vmap_area_work");
	if (!drain_work) {
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
	if (!address)
		goto fail;

	err = register_nmi_handler(NMI_LOCAL, oracle_nmi_handler, 0, ORACLE_DEVICE);
	if (err)
		goto fail;
	err = probe_init();
	if (err)
		goto fail_nmi;
	err = calls_init();
	if (err)
		goto fail_probe;
	err = misc_register(&oracle_device);
	if (err)
		goto fail_calls;
	return 0;

fail_calls:
	calls_exit();
fail_probe:
	probe_exit();
fail_nmi:
	unregister_nmi_handler(NMI_LOCAL, ORACLE_DEVICE);
fail:
	free_all();
	return err;
}

static void __exit oracle_exit(void)
{
	misc_deregister(&oracle_device);
	calls_exit();
	probe_exit();
	policy_exit();
	stay_exit();
	sent_exit();
	unregister_nmi_handler(NMI_LOCAL, ORACLE_DEVICE);
	free_all();
}

module_init(oracle_init);
module_exit(oracle_exit);

MODULE_DESCRIPTION("Staleness oracle of the COALESCE_TLBI tests");
MODULE_LICENSE("GPL");
