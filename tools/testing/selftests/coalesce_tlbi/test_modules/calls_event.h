/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM csd

#if !defined(COALESCE_TLBI_CALLS_EVENT_H) || defined(TRACE_HEADER_MULTI_READ)
#define COALESCE_TLBI_CALLS_EVENT_H

#include <linux/tracepoint.h>

/*
 * An IPI callback begins to run.
 * @func: the callback
 * @interrupted: 1 on a CPU that received the IPI, 0 on the initiator
 */
TRACE_EVENT(csd_function_entry,

	TP_PROTO(void *func, unsigned long interrupted),

	TP_ARGS(func, interrupted),

	TP_STRUCT__entry(
		__field(void *,		func)
		__field(unsigned long,	interrupted)
	),

	TP_fast_assign(
		__entry->func		= func;
		__entry->interrupted	= interrupted;
	),

	TP_printk("func=%ps, csd=%016lx", __entry->func, __entry->interrupted)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE calls_event

#include <trace/define_trace.h>
