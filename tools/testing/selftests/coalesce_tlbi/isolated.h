/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the COALESCE_TLBI tests share: find isolated CPUs, keep each in user
 * mode, send it into the kernel to read through the oracle's address, and
 * count what interrupted it.
 *
 * Functions that can fail for a reason outside the test end the program with a
 * KTAP skip (something is missing) or failure (something is wrong), in words.
 */
#ifndef COALESCE_TLBI_ISOLATED_H
#define COALESCE_TLBI_ISOLATED_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "test_modules/coalesce_tlbi_oracle.h"

#define MAX_ISOLATED	64
#define MAX_TALLY	64

/* The bits of kernel_cr3_loaded, as the oracle reads it */
#define KERNEL_CR3_LOADED	1
#define KERNEL_CR3_FLUSH_PENDING		2

/**
 * open_or_skip() - Open a file of the kernel's for reading
 * @path: its path; if it is not there the program ends with a skip
 *
 * Return: the file.
 */
FILE *open_or_skip(const char *path);

/**
 * read_cpu_list() - Read a list of CPUs as the kernel writes it, such as "2-3,7"
 * @path: the file
 * @set: filled; an empty list, or "(null)", gives no CPU
 */
void read_cpu_list(const char *path, cpu_set_t *set);

/**
 * struct isolated - an isolated CPU and the process that spins on it
 * @cpu: number of the CPU
 * @pid: the process; it makes no system call but the reads it is asked for
 * @box: how it is asked, in memory shared with it
 */
struct isolated {
	int cpu;
	int pid;
	struct box *box;
};

/**
 * struct counts - totals of one CPU at one moment
 * @interrupts: every interrupt it took, from /proc/interrupts
 * @deferred: flush interrupts that were not sent to it (the CTI row)
 * @entry_flushes: flushes its entry code did; 0 where the kernel has no counter
 * @forced: interrupts for flushes that could not stay deferred
 */
struct counts {
	unsigned long interrupts;
	unsigned long deferred;
	unsigned long entry_flushes;
	unsigned long forced;
};

/**
 * struct flushes - kernel flushes of one CPU between two moments
 * @requested: flushes that it asked all CPUs for
 * @received: flushes that it was interrupted for
 */
struct flushes {
	unsigned long requested;
	unsigned long received;
};

/**
 * deferrals_traced() - Tracepoint hits for flushes that were not sent to a CPU
 * @cpu: its number
 * @caller: count only those whose caller's symbol begins so; NULL for all
 *
 * Return: number since flushes_start(), over all initiators.
 */
unsigned long deferrals_traced(int cpu, const char *caller);

/**
 * struct batch - a stretch of flushes that is judged as one
 * @before: counters of each CPU when it began
 * @received: flush interrupts, by CPU
 * @deferred: flush interrupts not sent, by CPU
 * @traced: tracepoint hits for those, by CPU
 * @requested: flushes asked for, by any CPU
 */
struct batch {
	struct counts before[MAX_ISOLATED];
	unsigned long received[MAX_ISOLATED];
	unsigned long deferred[MAX_ISOLATED];
	unsigned long traced[MAX_ISOLATED];
	unsigned long requested;
};

/**
 * isolated_find() - Find the isolated CPUs
 * @cpus: filled with at most MAX_ISOLATED CPUs; no process runs there
 *
 * Pins the caller to a housekeeping CPU, opens the oracle and measures there
 * what staleness_shows() returns.  Skips without nohz_full= CPUs that are online,
 * or without the module.
 *
 * Return: number of CPUs, at least 1.
 */
int isolated_find(struct isolated *cpus);

/**
 * isolated_start() - Put a spinning process on every isolated CPU
 * @cpus: filled with at most MAX_ISOLATED CPUs
 *
 * Does what isolated_find() does first.
 *
 * Return: number of CPUs, at least 1; each is in user mode.
 */
int isolated_start(struct isolated *cpus);

/**
 * isolated_stop() - End the processes of isolated_start()
 * @cpus: the CPUs
 * @n: number of them
 */
void isolated_stop(struct isolated *cpus, int n);

/**
 * isolated_spawn() - Put a process on an isolated CPU
 * @iso: the CPU is given, the process and the box are filled
 * @program: NULL for one that calls functions of this program, or the name of a
 *	program beside this one that serves a box (isolated_box.h)
 */
void isolated_spawn(struct isolated *iso, const char *program);

/**
 * isolated_enter() - Have one process enter the kernel in a given way
 * @iso: the process
 * @enter: called there; NULL to read through the address
 * @method: enum box_method, for a process of another program
 *
 * When this returns the CPU has been in user mode after that.
 */
void isolated_enter(struct isolated *iso, void (*enter)(void), unsigned int method);

/**
 * isolated_ask() - The same without waiting
 * @iso: the process
 * @enter: as for isolated_enter()
 * @method: as for isolated_enter()
 */
void isolated_ask(struct isolated *iso, void (*enter)(void), unsigned int method);

/**
 * isolated_await() - Wait until it has done what it was asked for
 * @iso: the process
 */
void isolated_await(const struct isolated *iso);

/**
 * isolated_await_turns() - Wait until processes have gone round so often
 * @cpus: the processes, asked for a function that calls isolated_turn()
 * @n: number of them
 * @turns: how often each, from the call on
 */
void isolated_await_turns(const struct isolated *cpus, int n, unsigned int turns);

/**
 * isolated_try() - The same for a process that may not survive it
 * @iso: the process
 * @enter: called there; NULL for a process of another program
 * @method: enum box_method, for that
 *
 * Return: 0 if it did it; else it is gone, and the signal that ended it or -1.
 */
int isolated_try(struct isolated *iso, void (*enter)(void), unsigned int method);

/**
 * isolated_ping() - Wait until each CPU has been in user mode since the call
 * @cpus: the CPUs
 * @n: number of them
 */
void isolated_ping(const struct isolated *cpus, int n);

/**
 * isolated_next() - In a function that isolated_enter() calls: done, what next?
 *
 * For functions that are to be in two parts: returns when the next one is asked
 * for, in user mode and with no system call.  Whatever that is, it is taken as
 * the second part.
 */
void isolated_next(void);

/**
 * isolated_turn() - In a function that isolated_ask() calls: one more turn?
 *
 * For functions that go round until the process is asked for something else.
 *
 * Return: false if it is.
 */
bool isolated_turn(void);

/**
 * isolated_report() - In such a function: leave a number for the test
 * @value: the number
 */
void isolated_report(int value);

/**
 * isolated_reported() - The number that a process left last
 * @iso: the process
 *
 * Return: the number.
 */
int isolated_reported(const struct isolated *iso);

/**
 * isolated_read() - In such a function: read through the address
 *
 * Return: the page that it reached, -1 for neither.
 */
int isolated_read(void);

/**
 * oracle_command() - A request to the test module that has an argument
 * @request: ORACLE_PROBE and those after it
 * @arg: as the request wants it
 *
 * Return: 0 or an error number.
 */
int oracle_command(unsigned long request, void *arg);

/**
 * isolated_read_all() - Have CPUs enter the kernel and read through the address
 * @cpus: the CPUs
 * @n: number of them
 * @seen: filled with the page that each reached (0 or 1), -1 for neither
 *
 * When this returns the CPUs are in user mode again and hold the translation.
 */
void isolated_read_all(struct isolated *cpus, int n, int *seen);

/**
 * oracle_request() - One request to the test module, from the calling CPU
 * @request: any ORACLE_ request but ORACLE_READ
 *
 * Return: the page that the address is mapped to now, for the two remaps, or
 * -1 if the address was lost (it is another now, and every CPU has to read
 * again before the next request means anything); 0 for the others.  Skips if
 * there is no memory for the request, fails on any other error.
 */
int oracle_request(unsigned long request);

/**
 * oracle_round() - Move the address while every CPU holds its translation
 * @cpus: the isolated CPUs; the round before, or isolated_start(), had them read
 * @n: number of them
 * @request: ORACLE_REMAP, or ORACLE_REMAP_NO_FLUSH for the control; a control
 *	round is followed by a real one here, so that what it leaves in the TLB
 *	does not prime the next
 *
 * Return: how many CPUs read a wrong page afterwards, through the stale
 * translation or through none.
 */
int oracle_round(struct isolated *cpus, int n, unsigned long request);

/**
 * oracle_watch_nmi() - Have NMIs on a CPU read through the address
 * @cpu: its number
 * @nmi: filled with what the last one found
 */
void oracle_watch_nmi(int cpu, struct oracle_nmi *nmi);

/**
 * counts_read() - Read the counters of one CPU
 * @cpu: its number
 * @c: filled
 */
void counts_read(int cpu, struct counts *c);

/**
 * enum debt - what a CPU owes that may have been left alone
 * @DEBT_NONE: it was not interrupted, is in user mode and owes no flush
 * @DEBT_FLUSH_PENDING: it was not interrupted and owes one
 * @DEBT_UNCLEAR: it was interrupted, or is in the kernel, where it pays
 */
enum debt { DEBT_NONE, DEBT_FLUSH_PENDING, DEBT_UNCLEAR };

/**
 * isolated_debt() - Does a CPU owe a flush that was not interrupted meanwhile?
 * @iso: the CPU
 * @interrupts: how many it had taken before what is judged
 *
 * Return: DEBT_UNCLEAR also if an interrupt arrived after what is judged, as the
 * tick does: its entry has paid.
 */
enum debt isolated_debt(const struct isolated *iso, unsigned long interrupts);

/**
 * deferred_sum() - Flush interrupts that were not sent, so far
 * @cpus: the CPUs
 * @n: number of them
 *
 * Return: sum over the CPUs.
 */
unsigned long deferred_sum(const struct isolated *cpus, int n);

/**
 * flushes_start() - Begin to record kernel flushes on all CPUs
 *
 * Uses tracepoints.  Enabling them patches kernel text, so where that disturbs
 * (an emulator) boot with
 * trace_event=csd:csd_function_entry,coalesce_tlbi:coalesce_tlbi_defer.
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
 * events_print() - Print when a CPU was interrupted or spared since flushes_start()
 * @cpu: its number
 *
 * Lines "event SECONDS KIND": a function call it "received", a flush that another
 * CPU "requested", an interrupt to it that was "deferred".
 */
void events_print(int cpu);

/**
 * callbacks_received() - Function calls that a CPU was interrupted for
 * @cpu: its number
 * @name: the function
 *
 * Return: number since flushes_start().
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
 * @sum: gets the name if it has it not; fails if it has MAX_TALLY others
 * @name: the name
 * @n: how much
 */
void tally_add(struct tally *sum, const char *name, unsigned long n);

/**
 * tally_subtract() - Take the numbers of other names from those of a tally
 * @sum: its names stay; those that only @other has are left out
 * @other: the numbers to take away
 */
void tally_subtract(struct tally *sum, const struct tally *other);

/**
 * tally_callbacks() - Add up which function calls a CPU was interrupted for
 * @sum: those since flushes_start() are added to it
 * @cpu: its number
 */
void tally_callbacks(struct tally *sum, int cpu);

/**
 * is_deferrable() - Is a function one that a CPU in user mode can be spared?
 * @function: what it would be called with
 *
 * Return: true if there is a request for it that may be deferred; the others ask
 * what the CPU does, or have to run there.
 */
bool is_deferrable(const char *function);

/**
 * tally_deferrable() - How many of the calls could have been deferred
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
 * large_page_splits() - Large pages of the direct map that were split so far
 *
 * Each interrupts every CPU, in any mode.
 *
 * Return: their number, 0 where the kernel does not count them.
 */
unsigned long large_page_splits(void);

/**
 * flushes_requested() - Kernel flushes that all CPUs have asked for
 *
 * Return: number since flushes_start().
 */
unsigned long flushes_requested(void);

/**
 * flushes_of_shadow() - Kernel flushes for KASAN's shadow of freed vmalloc memory
 *
 * They follow the purge's own, reach every CPU in any mode, and so are no part of
 * what is claimed.
 *
 * Return: number since flushes_start(), 0 in a kernel without such a shadow.
 */
unsigned long flushes_of_shadow(void);

/**
 * enum verdict - what a batch showed
 * @BATCH_SPARED: no CPU was interrupted for a flush, those of a shadow aside
 * @BATCH_STRAY: some were, and took other interrupts as well: the flush may
 *	have been sent while the CPU was in the kernel for another reason, which
 *	is legal; the batch shows nothing and is to be repeated
 * @BATCH_INTERRUPTED: a CPU took flush interrupts and no other
 */
enum verdict { BATCH_SPARED, BATCH_STRAY, BATCH_INTERRUPTED };

/**
 * batch_begin() - Begin a batch, once the CPUs are left alone by other sources
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
 * Return: the worst verdict over the CPUs; what was received and by whom is
 * printed as KTAP diagnostics if it is not BATCH_SPARED and @batch is not
 * from a mode in which everything is received.
 */
enum verdict batch_end(struct batch *batch, const struct isolated *cpus, int n);

/**
 * coalesce_defers() - Does the kernel defer flushes in this boot?
 *
 * Return: true in modes always and pending.
 */
bool coalesce_defers(void);

/**
 * coalesce_mode() - Which mode the kernel runs in
 *
 * Return: "always", "pending", "off"; "none" in a kernel without the option.
 */
const char *coalesce_mode(void);

/**
 * staleness_shows() - Can a missing flush be seen on this machine?
 *
 * Measured by isolated_start(), not derived from the CPU's features: with
 * page-table isolation an emulator may drop at every entry what a CPU with PCID
 * keeps.  A test that gets false must report "not observable".
 *
 * Return: true if most translations outlived a kernel entry on a CPU whose entry
 * code does not flush.
 */
bool staleness_shows(void);

/**
 * cpu_has() - Is a feature in /proc/cpuinfo?
 * @feature: its name there
 *
 * Return: true if it is.
 */
bool cpu_has(const char *feature);

/**
 * has_function() - Has the kernel this function?
 * @name: its name
 *
 * A kernel without it calls nobody for what the function is there for.
 *
 * Return: true if it is in /proc/kallsyms.
 */
bool has_function(const char *name);

/**
 * machine_print() - Print what staleness_shows() is about, as KTAP diagnostics
 */
void machine_print(void);

#endif
