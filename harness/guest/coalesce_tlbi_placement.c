// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel half of the placement test: takes the host's commands, and sets breakpoints
 * where the kernel's own interface refuses them.
 *
 * A breakpoint on entry text raises #DB before kernel GS is loaded, on the user's
 * stack, and between LOADED and the flush.  The handler below then reads through the
 * oracle's address.  It must not be set on text by which #DB itself enters, where it
 * would recurse.  perf refuses entry text: it gets the address of a function that
 * never runs, and the register is then overwritten.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/hw_breakpoint.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <asm/debugreg.h>

#include "coalesce_tlbi_oracle.h"
#include "coalesce_tlbi_placement.h"

static struct placement_state placement_state;

/* On every CPU; NULL until the first request. */
static struct perf_event * __percpu *breakpoint;

/* Where DR0 of the target points to. */
static unsigned long break_address;

/* The host has a breakpoint here, by which it learns that the last command is done. */
static noinline int placement_await(void)
{
	while (!READ_ONCE(placement_state.command)) {
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
		cpu_relax();
	}
	return 0;
}

static long await_command(void __user *arg)
{
	struct placement_state state;
	int err;

	if (copy_from_user(&state, arg, sizeof(state)))
		return -EFAULT;
	placement_state.result = state.result;
	placement_state.stale = state.stale;
	placement_state.reads = state.reads;

	err = placement_await();
	state = placement_state;
	WRITE_ONCE(placement_state.command, 0);
	if (err)
		return err;
	return copy_to_user(arg, &state, sizeof(state)) ? -EFAULT : 0;
}

static noinline void never_runs(void)
{
	WRITE_ONCE(placement_state.breaks, 0);
}

/*
 * Called from exc_debug_kernel() on a CPU that may be in the middle of an entry.  No
 * flush may be pending by now.  Disarms itself: QEMU raises #DB for a stop of its gdb
 * stub on the address, whatever RF says.
 */
static void on_break(struct perf_event *event, struct perf_sample_data *data,
		     struct pt_regs *regs)
{
	int seen, mapped;

	if (!coalesce_tlbi_oracle_look(&seen, &mapped))
		placement_state.unread_breaks++;
	else if (seen != mapped)
		placement_state.stale_breaks++;
	placement_state.breaks++;
	break_address = (unsigned long)never_runs;
	set_debugreg(break_address, 0);
}

static int register_breakpoint(void)
{
	struct perf_event_attr attr;

	hw_breakpoint_init(&attr);
	attr.bp_addr = (unsigned long)never_runs;
	attr.bp_len = HW_BREAKPOINT_LEN_8;
	attr.bp_type = HW_BREAKPOINT_X;
	breakpoint = register_wide_hw_breakpoint(&attr, on_break, NULL);
	if (!IS_ERR((void __force *)breakpoint))
		return 0;
	breakpoint = NULL;
	return -EBUSY;
}

static void set_break_here(void *info)
{
	struct placement_break *request = info;
	unsigned long address;

	get_debugreg(address, 0);
	if (address != break_address) {
		request->cpu = -1;
		return;
	}
	/* The return from here may hit it, and then on_break() runs next. */
	break_address = request->address;
	set_debugreg(break_address, 0);
}

static long set_break(void __user *arg)
{
	struct placement_break request;
	int err;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	if (request.cpu < 0 || request.cpu >= nr_cpu_ids)
		return -EINVAL;

	if (!breakpoint) {
		err = register_breakpoint();
		if (err)
			return err;
		break_address = (unsigned long)never_runs;
	}
	if (!request.address)
		request.address = (unsigned long)never_runs;
	err = smp_call_function_single(request.cpu, set_break_here, &request, 1);
	if (!err && request.cpu == -1)
		err = -EBUSY;
	return err;
}

static long placement_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd == PLACEMENT_AWAIT)
		return await_command((void __user *)arg);
	if (cmd == PLACEMENT_SET_BREAK)
		return set_break((void __user *)arg);
	return -ENOTTY;
}

static const struct file_operations placement_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= placement_ioctl,
};

static struct miscdevice placement_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= PLACEMENT_DEVICE,
	.fops	= &placement_fops,
	.mode	= 0600,
};

static int __init placement_init(void)
{
	return misc_register(&placement_device);
}

static void __exit placement_exit(void)
{
	if (breakpoint)
		unregister_wide_hw_breakpoint(breakpoint);
	misc_deregister(&placement_device);
}

module_init(placement_init);
module_exit(placement_exit);

MODULE_DESCRIPTION("Guest half of the COALESCE_TLBI placement test");
MODULE_LICENSE("GPL");
