/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instead of libtracefs: no tracefs, but a log of what was asked of it.
 */
#ifndef COALESCE_TLBI_FAKE_TRACEFS_H
#define COALESCE_TLBI_FAKE_TRACEFS_H

/**
 * fake_start() - Begin a new log
 * @dir: what tracefs_tracing_dir() returns
 * @step: the logged step that fails; 0 for none.  Removing the instance does not fail.
 */
void fake_start(const char *dir, int step);

/**
 * fake_log() - What was done to tracing instances since fake_start()
 *
 * A forked child writes to the same log.
 *
 * Return: a line "FILE VALUE" for each step.
 */
const char *fake_log(void);

/**
 * fake_event() - Let the next tracefs_iterate_raw_events() find an event ipi_send_cpu
 * @pid: the task that it interrupted, or that sent it
 * @flags: enum trace_flag_type
 * @cpu: the target
 */
void fake_event(int pid, int flags, int cpu);

#endif
