/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The staleness oracle: one kernel address, two pages, and requests to read
 * through the address or to move it from one page to the other.  Shared by the
 * module and the test programs.
 */
#ifndef COALESCE_TLBI_ORACLE_H
#define COALESCE_TLBI_ORACLE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ORACLE_DEVICE	"coalesce_tlbi_oracle"

/**
 * struct oracle_state - what a request found
 * @mapped: number of the page that the address is mapped to, 0 or 1
 * @seen: number of the page that a read through the address reached, 0 or 1;
 *	-1 for neither
 * @cpu: CPU that served the request
 */
struct oracle_state {
	__s32 mapped;
	__s32 seen;
	__s32 cpu;
};

/* Read through the address on the calling CPU. */
#define ORACLE_READ		_IOR('C', 0, struct oracle_state)

/*
 * Move the address to the other page as the kernel does: vunmap(), drain (one
 * flush that may be deferred), vmap().  EAGAIN if another user of vmalloc took
 * the address; then it is a new one, mapped to the page it was.
 */
#define ORACLE_REMAP		_IOR('C', 1, struct oracle_state)

/* The same by rewriting the PTE, and no flush at all: the negative control. */
#define ORACLE_REMAP_NO_FLUSH	_IOR('C', 2, struct oracle_state)

/* Map one more page, unmap it, drain: one flush that may be deferred. */
#define ORACLE_DRAIN		_IO('C', 3)

/* vm_unmap_aliases(), before which no deferred flush may be outstanding. */
#define ORACLE_UNMAP_ALIASES	_IO('C', 4)

/*
 * Map and unmap 2M with a large leaf, drain: one flush that must not be
 * deferred.  ENOMEM if no 2M page is to be had.
 */
#define ORACLE_DRAIN_HUGE	_IO('C', 5)

/**
 * struct oracle_nmi - what NMIs on one CPU found
 * @cpu: the CPU to watch (in), of the last request (out)
 * @count: NMIs since the module was loaded
 * @seen: page that the handler of the last one reached, as in oracle_state
 * @mapped: page that the address was mapped to then
 */
struct oracle_nmi {
	__s32 cpu;
	__s32 count;
	__s32 seen;
	__s32 mapped;
};

/* From now on, read through the address in every NMI on the given CPU. */
#define ORACLE_WATCH_NMI	_IOWR('C', 6, struct oracle_nmi)

/**
 * struct oracle_probe - a place in the kernel that reads through the address
 * @name: "function:NAME" (its first instruction), "tracepoint:NAME", "die" (an
 *	exception from user mode, when its notifiers are called), "nmi"; empty
 *	for none
 */
struct oracle_probe {
	char name[64];
};

/*
 * Move the probe; there is one at a time.  Patches kernel text, which sends
 * every CPU into the kernel.  ENOENT if the kernel has no such place.
 */
#define ORACLE_PROBE		_IOW('C', 7, struct oracle_probe)

/* Count what the probe finds on this CPU from now on; an int, -1 for no CPU. */
#define ORACLE_ARM		_IOW('C', 8, __s32)

/**
 * struct oracle_hit - what the probe found on its CPU since it was armed
 * @count: how often it was passed
 * @from_user: how often an interrupt that had interrupted user mode did
 * @seen: page that the first read reached, as in oracle_state
 * @mapped: page that the address was mapped to then
 * @word: kernel_cr3_loaded of the CPU then; -1 in a kernel that has none
 */
struct oracle_hit {
	__s32 count;
	__s32 from_user;
	__s32 seen;
	__s32 mapped;
	__s64 word;
};

#define ORACLE_HIT		_IOR('C', 9, struct oracle_hit)

/* kernel_cr3_loaded of another CPU, read once. */
struct oracle_word {
	__s32 cpu;
	__s32 pad;
	__s64 word;
};

#define ORACLE_WORD		_IOWR('C', 10, struct oracle_word)

/* Raise an interrupt on a CPU that nobody waits for. */
enum oracle_vector {
	ORACLE_VECTOR_TIMER, ORACLE_VECTOR_RESCHEDULE, ORACLE_VECTOR_CALL,
	ORACLE_VECTOR_CALL_SINGLE, ORACLE_VECTOR_IRQ_WORK, ORACLE_VECTOR_NMI,
};

struct oracle_kick {
	__s32 cpu;
	__s32 vector;
};

#define ORACLE_KICK		_IOW('C', 11, struct oracle_kick)

#endif
