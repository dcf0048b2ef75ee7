// SPDX-License-Identifier: GPL-2.0
/*
 * The event csd:csd_function_entry on a kernel that has it not, by probes on the
 * functions that the tests count.  It says what the tests read of the kernel's
 * own: which function, and whether its CPU was called by another one.
 */
#include <linux/stddef.h>

#include "calls.h"

/* Sparse has no __has_include, and then reads what follows for other kernels. */
#ifdef __has_include
#if __has_include("trace/events/csd.h")
#define HAS_CSD_EVENT
#endif
#endif

#ifdef HAS_CSD_EVENT

struct tracepoint *calls_tracepoint(void)
{
	return NULL;
}

int calls_init(void)
{
	return 0;
}

void calls_exit(void)
{
}

#else

#include <linux/kprobes.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/trace_events.h>

#define CREATE_TRACE_POINTS
#include "calls_event.h"

static const char * const names[] = {
	"do_flush_tlb_all", "do_kernel_range_flush", "flush_this_cpu", "__cpa_flush_tlb",
	"do_sync_core", "ftrace_sync_ipi", "tlb_remove_table_smp_sync",
};

static struct kprobe probes[ARRAY_SIZE(names)];

/*
 * Who calls runs the function itself, in a task.  Others run it in the interrupt,
 * or in the idle task if that polls for such calls, and the idle task calls nobody.
 */
static int at_call(struct kprobe *p, struct pt_regs *regs)
{
	/* The probe's own breakpoint counts as an NMI, and that as an interrupt. */
	bool in_interrupt = hardirq_count() > (in_nmi() ? HARDIRQ_OFFSET : 0);

	trace_csd_function_entry(p->addr, in_interrupt || is_idle_task(current));
	return 0;
}

/*
 * A probe that has this is not made a jump by a work item some time later, which would
 * patch text, and have that deferred, while the tests count.
 */
static void after_call(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}

struct tracepoint *calls_tracepoint(void)
{
	return &__tracepoint_csd_function_entry;
}

void calls_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (probes[i].pre_handler)
			unregister_kprobe(&probes[i]);
}

/* Not every configuration has every function. */
int calls_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		probes[i].symbol_name = names[i];
		probes[i].pre_handler = at_call;
		probes[i].post_handler = after_call;
		err = register_kprobe(&probes[i]);
		if (!err)
			continue;
		probes[i].pre_handler = NULL;
		if (err == -ENOENT)
			continue;
		pr_err("cannot probe %s: %d\n", names[i], err);
		calls_exit();
		return err;
	}
	/* From the start, as the parameter trace_event= does for the kernel's own. */
	err = trace_set_clr_event("csd", "csd_function_entry", 1);
	if (err)
		calls_exit();
	return err;
}

#endif
