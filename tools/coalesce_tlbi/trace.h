/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who interrupts given CPUs, from the kernel's trace events.  The events are enabled
 * in a tracing instance of our own, so other users of tracing are not affected.
 *
 * Enabling events patches kernel text, which sends IPIs to CPUs that do not defer
 * them.  So events are enabled before tracer_go() and disabled after tracer_halt(),
 * and these IPIs are not in the trace.  No event filter is set: removing one sends
 * IPIs that cannot be deferred.
 */
#ifndef COALESCE_TLBI_TRACE_H
#define COALESCE_TLBI_TRACE_H

#include <stdbool.h>

#include "common.h"
#include "cpus.h"

struct tracer;

/**
 * enum event_kind - what happened on the initiator
 * @EVENT_CALL: it queued a function call for the CPU (csd:csd_queue_cpu)
 * @EVENT_IPI: it sent the CPU an IPI (ipi:ipi_send_cpu, ipi_send_cpumask)
 * @EVENT_DEFER: it deferred an IPI to the CPU (coalesce_tlbi:coalesce_tlbi_defer)
 */
enum event_kind { EVENT_CALL, EVENT_IPI, EVENT_DEFER };

/**
 * struct event - one event
 * @kind: what happened
 * @ns: time by the monotonic clock
 * @target: the target CPU
 * @initiator: the CPU that initiated it
 * @pid: the task there
 * @own: this process initiated it
 * @comm: the task's name
 * @callback: the function that is called, or "reschedule"; of a deferred IPI, the
 *	function that requested it
 * @stack: kernel functions, the innermost first, separated by ";"; "" if unknown
 */
struct event {
	enum event_kind kind;
	unsigned long long ns;
	int target;
	int initiator;
	int pid;
	bool own;
	const char *comm;
	const char *callback;
	const char *stack;
};

typedef void event_fn(const struct event *event, void *arg);

/**
 * event_is_carrier() - Check whether an IPI only carries function calls
 * @callback: callback of an EVENT_IPI
 *
 * Return: true if it does; each of the calls has its own event.
 */
bool event_is_carrier(const char *callback);

/**
 * tracer_start() - Prepare to trace
 * @targets: the CPUs to observe
 * @stacks: whether to record the initiators' kernel stacks
 * @why: filled with the reason on errors
 * @size: size of @why
 *
 * exit() stops it; block the signals that would end the program otherwise.
 *
 * Return: the tracer, or NULL.
 */
struct tracer *tracer_start(const struct cpus *targets, bool stacks, char *why, size_t size);

/**
 * tracer_go() - Start tracing
 * @t: the tracer
 */
void tracer_go(struct tracer *t);

/**
 * tracer_halt() - Stop tracing
 * @t: the tracer
 */
void tracer_halt(struct tracer *t);

/**
 * tracer_poll() - Read the events traced so far
 * @t: the tracer
 * @last: after tracer_halt(): also pass events whose stack is missing
 * @fn: called for each event
 * @arg: second argument of @fn
 *
 * Return: lower bound of the number of events that were lost so far.
 */
unsigned long long tracer_poll(struct tracer *t, bool last, event_fn *fn, void *arg);

/**
 * tracer_stop() - Remove the tracing instance
 * @t: the tracer, or NULL
 */
void tracer_stop(struct tracer *t);

/**
 * stay_off() - Keep this process off CPUs
 * @cpus: the CPUs
 *
 * Does nothing if no other CPU is allowed.
 */
void stay_off(const struct cpus *cpus);

#endif
