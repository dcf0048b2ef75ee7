// SPDX-License-Identifier: GPL-2.0
/*
 * A kprobe finds what no module can name.  It is registered disabled, so that no
 * text is patched.  The functions that are looked up have their address taken, and
 * so may be called indirectly.
 */
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <asm/ibt.h>

#include "lookup.h"

static unsigned long __percpu *states;

void *lookup_function(const char *name)
{
	struct kprobe probe = {
		.symbol_name	= name,
		.flags		= KPROBE_FLAG_DISABLED,
	};

	if (register_kprobe(&probe))
		return NULL;
	unregister_kprobe(&probe);
	/* With IBT, a probe on a function is placed after its ENDBR. */
	return (void *)probe.addr - ENDBR_INSN_SIZE;
}

void lookup_init(void)
{
	unsigned long (*lookup)(const char *name) = lookup_function("kallsyms_lookup_name");

	if (lookup)
		states = (unsigned long __percpu *)lookup("kernel_cr3_loaded");
}

bool has_states(void)
{
	return states;
}

s64 state_of(int cpu)
{
	return states ? READ_ONCE(*per_cpu_ptr(states, cpu)) : -1;
}

void set_own_state(s64 state)
{
	*this_cpu_ptr(states) = state;
}
