/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The staleness oracle: one kernel address, a few pages, and requests to read
 * through the address or to move it from one page to the next.  Shared by the
 * modules and the test programs.
 */
#ifndef COALESCE_TLBI_ORACLE_H
#define COALESCE_TLBI_ORACLE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ORACLE_DEVICE	"coalesce_tlbi_oracle"

/**
 * struct oracle_state - what a request found
 * @mapped: number of the page that the address is mapped to
 * @seen: number of the page that a read through the address reached; -1 for none
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
 * Move the address to the next page as the kernel does: vunmap(), drain (one
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
 * @mapped: page that the address was mapped to then; both -1 if it was being
 *	moved and what was read cannot be judged
 * @judged: NMIs of which it is certain what they had to find
 * @stale: judged ones that found something else
 */
struct oracle_nmi {
	__s32 cpu;
	__s32 count;
	__s32 seen;
	__s32 mapped;
	__s32 judged;
	__s32 stale;
};

/*
 * From now on, read through the address in every NMI on the given CPU.  They may
 * come at any time, also while the address moves.
 */
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

/**
 * struct oracle_arm - whose hits count
 * @cpu: hits of this CPU, from now on; -1 for no CPU
 * @watched: the CPU whose word is noted at the first hit
 */
struct oracle_arm {
	__s32 cpu;
	__s32 watched;
};

#define ORACLE_ARM		_IOW('C', 8, struct oracle_arm)

/**
 * struct oracle_hit - what the probe found on its CPU since it was armed
 * @count: how often it was passed
 * @from_user: how often an interrupt that had interrupted user mode did
 * @seen: page that the first read reached, as in oracle_state
 * @mapped: page that the address was mapped to then
 * @word: kernel_cr3_loaded of the watched CPU then; -1 in a kernel that has none
 */
struct oracle_hit {
	__s32 count;
	__s32 from_user;
	__s32 seen;
	__s32 mapped;
	__s64 state;
};

#define ORACLE_HIT		_IOR('C', 9, struct oracle_hit)

/* kernel_cr3_loaded of another CPU, read once. */
struct oracle_word {
	__s32 cpu;
	__s32 pad;
	__s64 state;
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

/*
 * Unmap an alias of a page, drain, then make the page uncached: it must have
 * left every TLB before that.
 */
#define ORACLE_SET_UC		_IO('C', 12)

/*
 * Map more than two times lazy_max_pages(), on all CPUs in turn (this interrupts
 * them); unmap and purge it at once, for which the vmalloc layer wants helpers.
 * Give the caller of the second a real-time priority, or the layer's own worker
 * drains in between.
 */
#define ORACLE_MAP_MANY		_IO('C', 19)
#define ORACLE_PURGE_MANY	_IO('C', 13)

/*
 * Map 2M with a large leaf over a page-table page, which is freed; one flush
 * that must not be deferred.  EAGAIN if the address could not be had; ENOMEM.
 * Undo it in either case.
 */
#define ORACLE_MAP_HUGE		_IO('C', 14)
#define ORACLE_UNMAP_HUGE	_IO('C', 15)

/* Oops on the calling CPU with its word set to the argument.  Does not return. */
#define ORACLE_OOPS		_IO('C', 16)

/* Map a page of its own, unmap it, drain; any number of callers at once. */
#define ORACLE_CHURN		_IO('C', 17)

/**
 * struct oracle_glance - a read while the address may be moved
 * @judged: the address was not moved meanwhile, and the next says something
 * @stale: the read reached a page whose flush has returned
 * @seen: page that it reached, as in oracle_state
 * @mapped: page that the address is to be mapped to
 */
struct oracle_glance {
	__s32 judged;
	__s32 stale;
	__s32 seen;
	__s32 mapped;
};

#define ORACLE_GLANCE		_IOR('C', 18, struct oracle_glance)

/*
 * A page of its own: change whether the kernel may write to it, as loading code
 * does; or take that from its PTE alone with no flush, the negative control.
 * ENOENT if this kernel has no such functions.
 */
enum oracle_protection { ORACLE_WRITABLE, ORACLE_READ_ONLY, ORACLE_READ_ONLY_NO_FLUSH };

#define ORACLE_PROTECT		_IO('C', 20)

/* Write to that page on the calling CPU.  ERANGE if it refuses. */
#define ORACLE_WRITE		_IO('C', 21)

/*
 * Take write permission from 2M that are mapped with a large leaf, and give it
 * back: flushes that must not be deferred.  ENOMEM or EAGAIN if there is none.
 */
#define ORACLE_PROTECT_HUGE	_IO('C', 23)

/*
 * Take write permission from a page of the direct map, which has no alias, and
 * give it back.  ENOENT as above.
 */
#define ORACLE_PROTECT_DIRECT	_IO('C', 24)

/*
 * Allocate per-CPU memory and free most of it again.  A worker takes the pages
 * back, with a flush that may be deferred, after this has returned.
 */
#define ORACLE_PERCPU		_IO('C', 22)

/*
 * The next stay walks the calling process's page table at this address; 0 for
 * none.  The process must not exit before the stay has ended.
 */
#define ORACLE_WALK_AT		_IO('C', 25)

/**
 * struct oracle_stay - what a CPU found that stayed in the kernel
 * @stretches: how often it turned interrupts off, one now; it turns them on
 *	when an interrupt is due
 * @walks: stretches in which the walk found a page-table entry
 * @changed: of these, how often it was another one at the end
 */
struct oracle_stay {
	__s32 stretches;
	__s32 walks;
	__s32 changed;
};

/* Stay in the kernel on the calling CPU until told to leave. */
#define ORACLE_STAY		_IO('C', 26)
#define ORACLE_LEAVE		_IO('C', 27)
#define ORACLE_STAYED		_IOR('C', 28, struct oracle_stay)

/*
 * Count from now on, of every function call that is queued for another CPU, what
 * that CPU's word is.  The first request patches kernel text.  ENOENT if this
 * kernel has no tracepoint for it.
 */
#define ORACLE_SENT_START	_IO('C', 29)

/**
 * struct oracle_sent - calls of one function since then
 * @index: which function, from 0 (in)
 * @calls: queued for any CPU
 * @to_user_mode: of these, for a CPU whose word lacked LOADED; 0 in a kernel
 *	that has no such word
 * @name: the function
 */
struct oracle_sent {
	__s32 index;
	__s32 calls;
	__s32 to_user_mode;
	char name[64];
};

/* ENOENT if there are no more functions; EOVERFLOW if there were too many. */
#define ORACLE_SENT		_IOWR('C', 30, struct oracle_sent)

/* Map the page at another address from now on, with a flush for the old one. */
#define ORACLE_RELOCATE		_IO('C', 31)

#ifdef __KERNEL__
bool coalesce_tlbi_oracle_look(int *seen, int *now_mapped);
#endif

#endif
