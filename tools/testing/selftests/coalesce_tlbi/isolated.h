/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the COALESCE_TLBI tests: find the isolated CPUs, keep a process in
 * user mode on each, make it enter the kernel in a given way, and use the oracle
 * (coalesce_tlbi_oracle.h), which shows stale TLB entries.
 *
 * Who may call whom, each layer only those above it:
 *
 *	isolated.c	processes on isolated CPUs, the oracle, facts about the machine
 *	counts.c	interrupts, IPIs and deferred IPIs of a CPU (counts.h)
 *	operations.c	what housekeeping CPUs do (operations.h)
 *	defer.c ...	the tests
 *
 * A function that fails for a reason outside the test ends the program with a
 * KTAP skip (something is missing) or a KTAP failure (something is wrong).
 */
#ifndef COALESCE_TLBI_ISOLATED_H
#define COALESCE_TLBI_ISOLATED_H

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "test_modules/coalesce_tlbi_oracle.h"

#define MAX_ISOLATED	64

#define ONLINE_CPUS	"/sys/devices/system/cpu/online"
#define NOHZ_FULL	"/sys/devices/system/cpu/nohz_full"

/* Exists in a kernel with the option */
#define COALESCE_DEBUGFS	"/sys/kernel/debug/x86/coalesce_tlbi"

/* The bits of kernel_cr3_loaded, the per-CPU state, as the oracle reads it */
#define KERNEL_CR3_LOADED		1
#define KERNEL_CR3_FLUSH_PENDING	2
#define KERNEL_CR3_FLUSH_ALWAYS		4

/**
 * open_or_skip() - Open a file of the kernel for reading
 * @path: its path; the program ends with a skip if it does not exist
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
 * cpu_has() - Check whether /proc/cpuinfo lists a feature
 * @feature: its name there
 *
 * Return: true if it does.
 */
bool cpu_has(const char *feature);

/**
 * has_function() - Check whether the kernel has a function
 * @name: its name
 *
 * A kernel without an IPI callback sends no IPI for it.
 *
 * Return: true if it is in /proc/kallsyms.
 */
bool has_function(const char *name);

/**
 * symbol_address() - Find the address of a kernel symbol
 * @name: its name
 *
 * Return: the address in /proc/kallsyms, 0 if it is not there or hidden.
 */
unsigned long long symbol_address(const char *name);

/**
 * struct isolated - an isolated CPU and the process that spins on it
 * @cpu: number of the CPU
 * @pid: the process; it makes no system call other than those it is asked for
 * @box: memory shared with it, through which it is asked
 */
struct isolated {
	int cpu;
	int pid;
	struct box *box;
};

/**
 * isolated_find() - Find the isolated CPUs
 * @cpus: filled with at most MAX_ISOLATED CPUs; no process runs there
 *
 * Pins the caller to a housekeeping CPU, opens the oracle, tells it the address of
 * the per-CPU state, and measures there what staleness_shows() returns.  Skips if no
 * nohz_full= CPU is online, or without the module.
 *
 * Return: number of CPUs, at least 1.
 */
int isolated_find(struct isolated *cpus);

/**
 * isolated_start() - Put a spinning process on every isolated CPU
 * @cpus: filled with at most MAX_ISOLATED CPUs
 *
 * Calls isolated_find() first.
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
 * isolated_enter() - Make a process enter the kernel in a given way, and wait
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
 * isolated_await() - Wait until a process has done what it was asked for
 * @iso: the process
 */
void isolated_await(const struct isolated *iso);

/**
 * isolated_await_turns() - Wait until processes have made a number of turns
 * @cpus: the processes, asked for a function that calls isolated_turn()
 * @n: number of them
 * @turns: how many each, counted from the call on
 */
void isolated_await_turns(const struct isolated *cpus, int n, unsigned int turns);

/**
 * isolated_try() - isolated_enter() for a process that may not survive it
 * @iso: the process
 * @enter: called there; NULL for a process of another program
 * @method: enum box_method, for that
 *
 * Return: 0 if it survived.  Otherwise the process is gone; then the signal that
 * ended it, or -1.
 */
int isolated_try(struct isolated *iso, void (*enter)(void), unsigned int method);

/**
 * isolated_ping() - Wait until each CPU has been in user mode since the call
 * @cpus: the CPUs
 * @n: number of them
 */
void isolated_ping(const struct isolated *cpus, int n);

/**
 * isolated_next() - In a function that isolated_enter() calls: wait for the next
 *
 * For a function in two parts.  Returns, in user mode and without a system call,
 * when the process is asked again.  The second part serves that request, whatever
 * it is.
 */
void isolated_next(void);

/**
 * isolated_turn() - In a function that isolated_ask() calls: count a turn
 *
 * For a function that loops until the process is asked for something else.
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
 * isolated_read_all() - Make CPUs enter the kernel and read through the address
 * @cpus: the CPUs
 * @n: number of them
 * @seen: filled with the page that each reached, -1 for none
 *
 * When this returns the CPUs are in user mode again and hold the translation.
 */
void isolated_read_all(struct isolated *cpus, int n, int *seen);

/**
 * oracle_command() - Send the test module a request that has an argument
 * @request: ORACLE_PROBE and those after it
 * @arg: as the request wants it
 *
 * Return: 0 or an error number.
 */
int oracle_command(unsigned long request, void *arg);

/**
 * oracle_request() - Send the test module a request, from the calling CPU
 * @request: any ORACLE_ request but ORACLE_READ
 *
 * Skips if there is no memory for the request, fails on any other error.
 *
 * Return: for the two remaps, the page that the address is mapped to now, or -1
 * if the address was lost.  Then the oracle has a new one, and every CPU has to
 * read before the next request means anything.  0 for the other requests.
 */
int oracle_request(unsigned long request);

/**
 * oracle_round() - Move the address while every CPU holds its translation
 * @cpus: the isolated CPUs; the last round, or isolated_start(), made them read
 * @n: number of them
 * @request: ORACLE_REMAP, or ORACLE_REMAP_NO_FLUSH for the control; a control
 *	round is followed by a real one here, so that the TLB entries it leaves
 *	are not taken for those of the next
 *
 * Return: how many CPUs then read a wrong page or none.
 */
int oracle_round(struct isolated *cpus, int n, unsigned long request);

/**
 * oracle_watch_nmi() - Make NMIs on a CPU read through the address
 * @cpu: its number
 * @nmi: filled with what the last one found
 */
void oracle_watch_nmi(int cpu, struct oracle_nmi *nmi);

/**
 * staleness_shows() - Check whether this machine can show a missing flush
 *
 * isolated_find() measures it; CPU features do not tell.  With page-table
 * isolation an emulator may drop at every entry what a CPU with PCID keeps.  A
 * test that gets false must report "not observable".
 *
 * Return: true if most translations survived a kernel entry on a CPU whose entry
 * code does not flush.
 */
bool staleness_shows(void);

/**
 * machine_print() - Print what staleness_shows() measured, as KTAP diagnostics
 */
void machine_print(void);

#endif
