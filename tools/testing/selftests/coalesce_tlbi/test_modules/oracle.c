// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel half of the COALESCE_TLBI tests: the device through which they make
 * requests, and the NMI handler.  It works on any x86-64 kernel with kprobes, with
 * the option or without.
 *
 * This file calls the others and none calls it.  The list of objects in the
 * Makefile is in that order: each calls only those before it.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <asm/nmi.h>

#include "address.h"
#include "calls.h"
#include "coalesce_tlbi_oracle.h"
#include "memory.h"
#include "probe.h"
#include "sent.h"
#include "stay.h"

/*
 * @cpu apart, only the NMI handler of that CPU writes it.  A debugger outside the
 * machine finds it by its name, which is in kallsyms.
 */
static struct oracle_nmi oracle_nmi = { .cpu = -1, .seen = -1 };

static void read_in_nmi(void)
{
	int wrong = address_judge(&oracle_nmi.seen, &oracle_nmi.mapped);

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

static long oracle_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case ORACLE_WATCH_NMI:
		return watch_nmi(user);
	case ORACLE_PROBE:
	case ORACLE_ARM:
	case ORACLE_HIT:
	case ORACLE_CPU_STATE:
	case ORACLE_KICK:
		return probe_ioctl(cmd, user);
	case ORACLE_SENT_START:
	case ORACLE_SENT:
		return sent_ioctl(cmd, user);
	case ORACLE_WALK_AT:
	case ORACLE_STAY:
	case ORACLE_LEAVE:
	case ORACLE_STAYED:
		return stay_ioctl(cmd, arg);
	case ORACLE_READ:
	case ORACLE_REMAP:
	case ORACLE_REMAP_NO_FLUSH:
	case ORACLE_RELOCATE:
	case ORACLE_DRAIN:
	case ORACLE_DRAIN_HUGE:
	case ORACLE_UNMAP_ALIASES:
	case ORACLE_GLANCE:
		return address_ioctl(cmd, user);
	}
	return memory_ioctl(cmd, arg);
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

static int __init oracle_init(void)
{
	int err;

	err = address_init();
	if (err)
		return err;
	err = register_nmi_handler(NMI_LOCAL, oracle_nmi_handler, 0, ORACLE_DEVICE);
	if (err)
		goto fail;
	err = probe_init();
	if (err)
		goto fail_nmi;
	memory_init();
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
	address_exit();
	return err;
}

static void __exit oracle_exit(void)
{
	misc_deregister(&oracle_device);
	calls_exit();
	probe_exit();
	memory_exit();
	stay_exit();
	sent_exit();
	unregister_nmi_handler(NMI_LOCAL, ORACLE_DEVICE);
	address_exit();
}

module_init(oracle_init);
module_exit(oracle_exit);

MODULE_DESCRIPTION("Staleness oracle of the COALESCE_TLBI tests");
MODULE_LICENSE("GPL");
