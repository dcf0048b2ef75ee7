// SPDX-License-Identifier: GPL-2.0
/*
 * The event csd:csd_function_entry for a kernel that lacks it, by probes on the IPI
 * callbacks that the tests count.  It has the two fields that the tests read of the
 * kernel's own event: the callback, and whether another CPU called it.
 */
#include <linux/stddef.h>

#include "calls.h"

/* Sparse has no __has_include and reads the part for other kernels. */
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

#include "deferrable_calls.h"

#define CREATE_TRACE_POINTS
#include "calls_event.h"

static struct kprobe probes[ARRAY_SIZE(deferrable_calls)];

/*
 * The initiator runs the callback itself, in a task.  Other CPUs run it in the IPI,
 * or in the idle task if that polls for callbacks; the idle task initiates none.
 */
static int at_call(struct kprobe *p, struct pt_regs *regs)
{
	/* The probe's own breakpoint counts as an NMI, and that as an interrupt. */
	bool in_interrupt = hardirq_count() > (in_nmi() ? HARDIRQ_OFFSET : 0);

	trace_csd_function_entry(p->addr, in_interrupt || is_idle_task(current));
	return 0;
}

/*
 * A probe with a post handler is not optimized.  A work item would do that some time
 * later, and patch text, with deferred IPIs, while the tests count.
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

/* Not every configuration has every callback. */
int calls_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		probes[i].symbol_name = deferrable_calls[i].name;
		probes[i].pre_handler = at_call;
		probes[i].post_handler = after_call;
		err = register_kprobe(&probes[i]);
		if (!err)
			continue;
		probes[i].pre_handler = NULL;
		if (err == -ENOENT)
			continue;
		pr_err("cannot probe %s: %d\n", deferrable_calls[i].name, err);
		calls_exit();
		return err;
	}
	/* Enabled from the start, as trace_event= does for the kernel's own event. */
	err = trace_set_clr_event("csd", "csd_function_entry", 1);
	if (err)
		calls_exit();
	return err;
}

#endif
