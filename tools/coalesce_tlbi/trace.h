/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who interrupts given CPUs, from the kernel's trace events, in an instance of our
 * own: what others trace is left alone.
 *
 * Switching events on patches kernel text, which by itself interrupts CPUs whose
 * interrupts are not deferred.  So that is done before, and undone after, the time
 * between tracer_go() and tracer_halt(), and nothing of it is in the trace.
 */
#ifndef COALESCE_TLBI_TRACE_H
#define COALESCE_TLBI_TRACE_H

#include <stdbool.h>

#include "cpus.h"
#include "tool.h"

struct tracer;

/**
 * enum event_kind - what happened on the initiator
 * @EVENT_CALL: it queued a function call for the CPU (csd:csd_queue_cpu)
 * @EVENT_IPI: it sent the CPU an interrupt (ipi:ipi_send_cpu, ipi_send_cpumask)
 * @EVENT_DEFER: it left the CPU alone (coalesce_tlbi:coalesce_tlbi_defer)
 */
enum event_kind { EVENT_CALL, EVENT_IPI, EVENT_DEFER };

/**
 * struct event - one event
 * @kind: what happened
 * @ns: when, by the monotonic clock
 * @target: the CPU that it is about
 * @initiator: the CPU where it happened
 * @pid: the task there
 * @comm: its name
 * @callback: the function that is called; "reschedule"; of a deferral, who asked
 * @stack: kernel functions from the innermost out, ";" between them; "" without
 */
struct event {
	enum event_kind kind;
	unsigned long long ns;
	int target;
	int initiator;
	int pid;
	const char *comm;
	const char *callback;
	const char *stack;
};

typedef void event_fn(const struct event *event, void *arg);

/**
 * event_is_carrier() - Is it the interrupt that carries function calls?
 * @callback: of an EVENT_IPI
 *
 * Return: true if it is; the calls have events of their own.
 */
bool event_is_carrier(const char *callback);

/**
 * tracer_start() - Prepare to trace
 * @targets: which CPUs it is about
 * @stacks: with the initiator's kernel stack?
 * @why: on errors filled with the reason
 * @size: of @why
 *
 * Return: the tracer, or NULL.
 */
struct tracer *tracer_start(const struct cpus *targets, bool stacks, char *why, size_t size);

/**
 * tracer_go() - Trace from now on
 * @t: the tracer
 */
void tracer_go(struct tracer *t);

/**
 * tracer_halt() - Trace no more
 * @t: the tracer
 */
void tracer_halt(struct tracer *t);

/**
 * tracer_poll() - Take what was traced
 * @t: the tracer
 * @last: after tracer_halt(), also events that may lack their stack
 * @fn: called for each event
 * @arg: its second argument
 *
 * Return: events that the kernel has lost so far, at least.
 */
unsigned long long tracer_poll(struct tracer *t, bool last, event_fn *fn, void *arg);

/**
 * tracer_stop() - Remove the instance
 * @t: the tracer; NULL is none
 */
void tracer_stop(struct tracer *t);

/**
 * stay_off() - Have this process run elsewhere
 * @cpus: not there
 *
 * Does nothing if it may run nowhere else.
 */
void stay_off(const struct cpus *cpus);

#endif
