/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM coalesce_tlbi

#if !defined(_TRACE_COALESCE_TLBI_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_COALESCE_TLBI_H

#include <linux/tracepoint.h>

/**
 * coalesce_tlbi_defer - an IPI to a CPU in user mode was deferred
 * @cpu: the CPU in user mode
 * @start: first byte of the range to flush; 0 with @end 0 if there is no range
 * @end: first byte after the range, or TLB_FLUSH_ALL
 * @caller: return address of the deferrable request
 *
 * Fires on the initiator, once for each target and request, with preemption off.
 */
TRACE_EVENT(coalesce_tlbi_defer,

	TP_PROTO(int cpu, unsigned long start, unsigned long end,
		 unsigned long caller),

	TP_ARGS(cpu, start, end, caller),

	TP_STRUCT__entry(
		__field(int,		cpu)
		__field(unsigned long,	start)
		__field(unsigned long,	end)
		__field(unsigned long,	caller)
	),

	TP_fast_assign(
		__entry->cpu	= cpu;
		__entry->start	= start;
		__entry->end	= end;
		__entry->caller	= caller;
	),

	TP_printk("cpu=%d start=0x%lx end=0x%lx caller=%pS", __entry->cpu,
		  __entry->start, __entry->end, (void *)__entry->caller)
);

#endif /* _TRACE_COALESCE_TLBI_H */

#include <trace/define_trace.h>
