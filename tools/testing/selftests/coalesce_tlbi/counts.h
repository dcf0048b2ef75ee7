/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters and traces of one CPU: interrupts it took, IPIs it received by
 * callback, IPIs to it that were deferred, and flushes of its entry code.
 */
#ifndef COALESCE_TLBI_COUNTS_H
#define COALESCE_TLBI_COUNTS_H

#include <stdbool.h>

#include "isolated.h"

#define MAX_TALLY	64

/**
 * coalesce_mode() - The mode that the kernel runs in
 *
 * Return: "always", "pending" or "off"; "none" in a kernel without the option.
 */
const char *coalesce_mode(void);

/**
 * coalesce_defers() - Check whether the kernel defers IPIs in this boot
 *
 * Return: true in modes always and pending.
 */
bool coalesce_defers(void);

/**
 * struct counts - totals of one CPU at one moment
 * @interrupts: every interrupt it took, IPIs included, from /proc/interrupts
 * @deferred: IPIs to it that were deferred
 * @entry_flushes: flushes that its entry code did
 * @forced: IPIs to it for flushes that could not stay deferred
 *
 * The last three are 0 for a CPU that never defers.
 */
struct counts {
	unsigned long interrupts;
	unsigned long deferred;
	unsigned long entry_flushes;
	unsigned long forced;
};

/**
 * counts_read() - Read the counters of one CPU
 * @cpu: its number
 * @c: filled
 */
void counts_read(int cpu, struct counts *c);

/**
 * deferred_sum() - IPIs that were deferred since the boot
 * @cpus: the CPUs
 * @n: number of them
 *
 * Return: sum over the CPUs.
 */
unsigned long deferred_sum(const struct isolated *cpus, int n);

/**
 * enum pending - whether a flush is pending on a CPU that took no interrupt
 * @PENDING_NO: it took none, is in user mode and no flush is pending
 * @PENDING_FLUSH: it took none and a flush is pending
 * @PENDING_UNCLEAR: it took one, or is in the kernel, whose entry flushes
 */
enum pending { PENDING_NO, PENDING_FLUSH, PENDING_UNCLEAR };

/**
 * isolated_pending() - Check whether a flush is pending on a CPU
 * @iso: the CPU
 * @interrupts: how many it had taken before what is judged
 *
 * Return: enum pending.  PENDING_UNCLEAR also if an interrupt such as the tick
 * arrived after what is judged: its entry has flushed.
 */
enum pending isolated_pending(const struct isolated *iso, unsigned long interrupts);

/**
 * struct flushes - kernel flushes of one CPU between two moments
 * @requested: flushes that it was the initiator of
 * @received: flush IPIs that it received
 */
struct flushes {
	unsigned long requested;
	unsigned long received;
};

/**
 * flushes_start() - Begin to record IPI callbacks on all CPUs
 *
 * Uses tracepoints.  Enabling them patches kernel text.  Where that disturbs,
 * boot with trace_event=csd:csd_function_entry,coalesce_tlbi:coalesce_tlbi_defer.
 */
void flushes_start(void);

/**
 * flushes_stop() - End the recording, also one that began with the boot
 *
 * A tracepoint costs the initiator hundreds of instructions for each CPU.
 */
void flushes_stop(void);

/**
 * flushes_read() - Kernel flushes of one CPU since flushes_start()
 * @cpu: its number
 * @f: filled
 *
 * Fails if the trace buffer has lost an event.
 */
void flushes_read(int cpu, struct flushes *f);

/**
 * flushes_requested() - Kernel flushes that all CPUs initiated
 *
 * Return: number since flushes_start().
 */
unsigned long flushes_requested(void);

/**
 * flushes_of_shadow() - Kernel flushes for KASAN's shadow of freed vmalloc memory
 *
 * They follow the flush of the purge itself and are not deferrable in any mode.
 *
 * Return: number since flushes_start(), 0 in a kernel without such a shadow.
 */
unsigned long flushes_of_shadow(void);

/**
 * deferrals_traced() - Tracepoint hits for deferred IPIs to a CPU
 * @cpu: its number
 * @caller: count only those whose caller's symbol begins so; NULL for all
 *
 * Return: number since flushes_start(), over all initiators.
 */
unsigned long deferrals_traced(int cpu, const char *caller);

/**
 * events_print() - Print the IPIs of a CPU since flushes_start(), with their times
 * @cpu: its number
 *
 * Lines "event SECONDS KIND".  KIND is "received" for an IPI that it received,
 * "requested" for a flush of another CPU, "deferred" for an IPI to it that was
 * deferred.
 */
void events_print(int cpu);

/**
 * callbacks_received() - How often a CPU ran one IPI callback
 * @cpu: its number
 * @name: the function
 *
 * Return: number since flushes_start(), without those that it called itself.
 */
unsigned long callbacks_received(int cpu, const char *name);

/**
 * struct tally - numbers by name
 * @entry: a name and its number
 * @n: number of names
 */
struct tally {
	struct {
		char name[64];
		unsigned long n;
	} entry[MAX_TALLY];
	int n;
};

/**
 * tally_add() - Add to the number of a name
 * @sum: gets the name if it is new; fails if it has MAX_TALLY others
 * @name: the name
 * @n: how much
 */
void tally_add(struct tally *sum, const char *name, unsigned long n);

/**
 * tally_subtract() - Subtract one tally from another
 * @sum: its names stay; those that only @other has are left out
 * @other: the numbers to subtract
 */
void tally_subtract(struct tally *sum, const struct tally *other);

/**
 * tally_callbacks() - Add up the IPIs that a CPU received, by callback
 * @sum: those since flushes_start() are added to it
 * @cpu: its number
 */
void tally_callbacks(struct tally *sum, int cpu);

/**
 * is_deferrable() - Check whether an IPI can be deferred for a CPU in user mode
 * @function: its callback
 *
 * Return: true if some caller uses it in a deferrable way.  The other callbacks
 * ask what the CPU does, or have to run there.
 */
bool is_deferrable(const char *function);

/**
 * tally_deferrable() - How many of the IPIs could have been deferred
 * @calls: from tally_callbacks()
 *
 * Return: their number.
 */
unsigned long tally_deferrable(const struct tally *calls);

/**
 * tally_rows() - Add up the interrupts of a CPU by row of /proc/interrupts
 * @sum: all since the boot are added to it
 * @cpu: its number
 */
void tally_rows(struct tally *sum, int cpu);

/**
 * huge_page_splits() - Huge pages of the direct map that were split since the boot
 *
 * Each split sends every CPU an IPI that cannot be deferred.
 *
 * Return: their number, 0 where the kernel does not count them.
 */
unsigned long huge_page_splits(void);

/**
 * struct batch - a stretch of flushes that is judged as one
 * @before: counters of each CPU when it began
 * @received: flush IPIs received, by CPU
 * @deferred: IPIs deferred, by CPU
 * @traced: tracepoint hits for those, by CPU
 * @requested: flushes initiated, by any CPU
 */
struct batch {
	struct counts before[MAX_ISOLATED];
	unsigned long received[MAX_ISOLATED];
	unsigned long deferred[MAX_ISOLATED];
	unsigned long traced[MAX_ISOLATED];
	unsigned long requested;
};

/**
 * enum verdict - what a batch showed
 * @BATCH_DEFERRED: no CPU received a flush IPI, those of a shadow aside
 * @BATCH_STRAY: a CPU received some and took other interrupts as well: the IPI
 *	may have been sent while it was in the kernel for another reason, which is
 *	legal; the batch shows nothing and has to be repeated
 * @BATCH_RECEIVED: a CPU received flush IPIs and took no other interrupt
 */
enum verdict { BATCH_DEFERRED, BATCH_STRAY, BATCH_RECEIVED };

/**
 * batch_begin() - Begin a batch, once the CPUs take no interrupts
 * @batch: the batch
 * @cpus: the isolated CPUs, in user mode
 * @n: number of them
 */
void batch_begin(struct batch *batch, const struct isolated *cpus, int n);

/**
 * batch_end() - Count what happened since batch_begin(), and judge it
 * @batch: filled
 * @cpus: the isolated CPUs
 * @n: number of them
 *
 * Prints what was received, and by whom, as KTAP diagnostics unless the verdict
 * is BATCH_DEFERRED or the mode defers nothing.
 *
 * Return: the worst verdict over the CPUs.
 */
enum verdict batch_end(struct batch *batch, const struct isolated *cpus, int n);

#endif
