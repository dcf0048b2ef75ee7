/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host drives the placement test: it writes a command into the guest's struct
 * placement_state, which it finds by name in kallsyms.  The test program takes the
 * command, carries it out and waits for the next one.
 */
#ifndef COALESCE_TLBI_PLACEMENT_H
#define COALESCE_TLBI_PLACEMENT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PLACEMENT_DEVICE	"coalesce_tlbi_placement"

/* Commands, for entry_placement.c and verify/placement/placement.py. */
#define PLACEMENT_QUIT		1	/* print the results and end */
#define PLACEMENT_ENTER		2	/* have the target enter the kernel; @argument: how */
#define PLACEMENT_FINISH	3	/* wait for the target's last read, judge it */
#define PLACEMENT_REMAP		4	/* move the oracle's address, deferrable flush */
#define PLACEMENT_REMAP_NO_FLUSH	5	/* move it and flush nothing */
#define PLACEMENT_BREAK		6	/* #DB on the target at address @argument; 0: none */

/* How the target enters; the last four need the 32-bit program. */
#define PLACEMENT_BY_NOTHING	0
#define PLACEMENT_BY_SYSCALL	1
#define PLACEMENT_BY_INT80	2
#define PLACEMENT_BY_BAD_IRET	3
#define PLACEMENT_BY_SYSENTER	4
#define PLACEMENT_BY_SYSCALL32	5
#define PLACEMENT_BY_SYSENTER_TF	6
#define PLACEMENT_BY_NOTHING_32	7
#define PLACEMENT_METHODS_32	PLACEMENT_BY_SYSENTER

/**
 * struct placement_state - what host and test program tell each other
 * @command: set by the host, taken by the test program
 * @argument: of @command
 * @result: of the last command: 0, or what went wrong
 * @stale: reads by the target that did not reach the mapped page
 * @reads: reads by the target
 * @breaks: #DB taken on the target's armed address
 * @stale_breaks: those of them whose handler did not reach the mapped page
 * @unread_breaks: those that came while the address was being moved
 */
struct placement_state {
	__u64 command;
	__u64 argument;
	__s64 result;
	__u64 stale;
	__u64 reads;
	__u64 breaks;
	__u64 stale_breaks;
	__u64 unread_breaks;
};

/* Leave @result, @stale and @reads to the host, wait for @command and take it. */
#define PLACEMENT_AWAIT	_IOWR('C', 32, struct placement_state)

/**
 * struct placement_break - a breakpoint on an instruction of the kernel
 * @cpu: where
 * @address: of the instruction; 0 to remove it
 */
struct placement_break {
	__s64 cpu;
	__u64 address;
};

#define PLACEMENT_SET_BREAK	_IOW('C', 33, struct placement_break)

#endif
