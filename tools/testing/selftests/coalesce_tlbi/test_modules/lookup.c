// SPDX-License-Identifier: GPL-2.0
/*
 * Functions and data of the kernel that are not exported.  The tests compare kernels
 * with and without the option, so the kernel cannot export them for the tests.
 *
 * Functions are found by a kprobe.  It is registered disabled, so no text is patched.
 * On a CPU with IBT an indirect call must land on an ENDBR, and the kernel has removed
 * the ENDBR of functions whose address it does not take.  So functions are called by
 * static calls: static_call_update() patches a direct call, which needs no ENDBR.
 *
 * The per-CPU state is data, on which no kprobe can be registered.  Its address is a
 * parameter of this module.  The test programs read it from /proc/kallsyms and set it.
 */
#include <linux/kprobes.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/uaccess.h>
#include <asm/ibt.h>

#include "lookup.h"

static unsigned long __percpu *states;

void *lookup_function(const char *name)
{
	struct kprobe probe = {
		.symbol_name	= name,
		.flags		= KPROBE_FLAG_DISABLED,
	};
	void *start;

	if (register_kprobe(&probe))
		return NULL;
	unregister_kprobe(&probe);
	/* A probe on a function is placed after its ENDBR, if it has one. */
	start = (void *)probe.addr - ENDBR_INSN_SIZE;
	return is_endbr(*(u32 *)start) ? start : probe.addr;
}

static int set_states(const char *value, const struct kernel_param *kp)
{
	unsigned long address, state;
	int cpu, err;

	err = kstrtoul(value, 0, &address);
	if (err)
		return err;
	for_each_possible_cpu(cpu)
		if (get_kernel_nofault(state, per_cpu_ptr((unsigned long __percpu *)address, cpu)))
			return -EFAULT;
	WRITE_ONCE(states, (unsigned long __percpu *)address);
	return 0;
}

static int get_states(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%#lx\n", (unsigned long)READ_ONCE(states));
}

static const struct kernel_param_ops states_ops = {
	.set	= set_states,
	.get	= get_states,
};

module_param_cb(kernel_cr3_loaded, &states_ops, NULL, 0600);
MODULE_PARM_DESC(kernel_cr3_loaded, "Address of the per-CPU state, from /proc/kallsyms");

bool has_states(void)
{
	return READ_ONCE(states);
}

s64 state_of(int cpu)
{
	unsigned long __percpu *all = READ_ONCE(states);

	return all ? READ_ONCE(*per_cpu_ptr(all, cpu)) : -1;
}

void set_own_state(s64 state)
{
	*this_cpu_ptr(states) = state;
}
