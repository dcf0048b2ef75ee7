/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The staleness oracle: one kernel address, a few pages, and requests to read
 * through the address or to move it from one page to the next.  A CPU that missed
 * a flush still reaches an older page.  Shared by modules and test programs.
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
 * deferrable flush), vmap().  EAGAIN if another user of vmalloc took the address.
 * Then the oracle has a new one, mapped to the same page as before.
 */
#define ORACLE_REMAP		_IOR('C', 1, struct oracle_state)

/* The same by rewriting the PTE, without a flush: the negative control. */
#define ORACLE_REMAP_NO_FLUSH	_IOR('C', 2, struct oracle_state)

/* Map one more page, unmap it, drain: one deferrable flush. */
#define ORACLE_DRAIN		_IO('C', 3)

/* vm_unmap_aliases(); when it returns no flush is pending. */
#define ORACLE_UNMAP_ALIASES	_IO('C', 4)

/*
 * Map and unmap a huge mapping of 2M, drain: one flush that must not be deferred.
 * ENOMEM if there is no 2M page.
 */
#define ORACLE_DRAIN_HUGE	_IO('C', 5)

/**
 * struct oracle_nmi - what NMIs on one CPU found
 * @cpu: the CPU to watch (in), of the last request (out)
 * @count: NMIs since the module was loaded
 * @seen: page that the handler of the last one reached, as in oracle_state
 * @mapped: page that the address was mapped to then; both -1 if it was being
 *	moved and what was read cannot be judged
 * @judged: NMIs whose right answer is certain
 * @stale: judged ones that found another answer
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
 * From now on, read through the address in every NMI on the given CPU.  NMIs may
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
 * Move the probe; there is one at a time.  Patches kernel text, which sends IPIs.
 * ENOENT if the kernel has no such place.
 */
#define ORACLE_PROBE		_IOW('C', 7, struct oracle_probe)

/**
 * struct oracle_arm - whose hits count
 * @cpu: hits of this CPU, from now on; -1 for no CPU
 * @watched: the CPU whose state is recorded at the first hit
 */
struct oracle_arm {
	__s32 cpu;
	__s32 watched;
};

#define ORACLE_ARM		_IOW('C', 8, struct oracle_arm)

/**
 * struct oracle_hit - what the probe found on its CPU since it was armed
 * @count: how often it was hit
 * @from_user: how often by an interrupt from user mode
 * @seen: page that the first read reached, as in oracle_state
 * @mapped: page that the address was mapped to then
 * @state: kernel_cr3_loaded of the watched CPU then; -1 in a kernel without it
 */
struct oracle_hit {
	__s32 count;
	__s32 from_user;
	__s32 seen;
	__s32 mapped;
	__s64 state;
};

#define ORACLE_HIT		_IOR('C', 9, struct oracle_hit)

/* kernel_cr3_loaded of a CPU, read once; -1 in a kernel without it. */
struct oracle_cpu_state {
	__s32 cpu;
	__s32 pad;
	__s64 state;
};

#define ORACLE_CPU_STATE		_IOWR('C', 10, struct oracle_cpu_state)

/* Raise an interrupt on a CPU, and do not wait for it. */
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
 * Unmap an alias of a page, drain, then make the page uncached.  The alias must
 * have left every TLB before that.
 */
#define ORACLE_SET_UC		_IO('C', 12)

/*
 * MAP_MANY maps more than twice lazy_max_pages(), on all CPUs in turn, which
 * interrupts them.  PURGE_MANY unmaps and purges all of it in one go, for which the
 * vmalloc layer queues helpers.  Its caller needs a real-time priority, or the
 * layer's own worker drains in between.
 */
#define ORACLE_MAP_MANY		_IO('C', 19)
#define ORACLE_PURGE_MANY	_IO('C', 13)

/*
 * Map a huge page of 2M over a page-table page, which is freed: one flush that must
 * not be deferred.  EAGAIN if the address was not free, or ENOMEM; UNMAP_HUGE
 * has to follow in any case.
 */
#define ORACLE_MAP_HUGE		_IO('C', 14)
#define ORACLE_UNMAP_HUGE	_IO('C', 15)

/* Set the state of the calling CPU to the argument, then oops.  Does not return. */
#define ORACLE_OOPS		_IO('C', 16)

/* Map a page of its own, unmap it, drain; callers may run concurrently. */
#define ORACLE_CHURN		_IO('C', 17)

/**
 * struct oracle_glance - a read while the address may be moved
 * @judged: the address was not moved meanwhile, so that @stale is valid
 * @stale: the read reached a page whose flush has returned
 * @seen: page that it reached, as in oracle_state
 * @mapped: page that the address was mapped to
 */
struct oracle_glance {
	__s32 judged;
	__s32 stale;
	__s32 seen;
	__s32 mapped;
};

#define ORACLE_GLANCE		_IOR('C', 18, struct oracle_glance)

/*
 * Change whether the kernel may write to a page of the oracle's, by the functions
 * that loading code uses; or clear the bit in its PTE without a flush, the negative
 * control.  ENOENT if this kernel has no such functions.
 */
enum oracle_protection { ORACLE_WRITABLE, ORACLE_READ_ONLY, ORACLE_READ_ONLY_NO_FLUSH };

#define ORACLE_PROTECT		_IO('C', 20)

/* Write to that page on the calling CPU.  ERANGE if the write faults. */
#define ORACLE_WRITE		_IO('C', 21)

/*
 * Take write permission from a huge mapping of 2M and give it back: flushes that
 * must not be deferred.  ENOMEM or EAGAIN if there is none.
 */
#define ORACLE_PROTECT_HUGE	_IO('C', 23)

/*
 * Take write permission from a page of the direct map, which has no alias, and give
 * it back.  ENOENT as for ORACLE_PROTECT.
 */
#define ORACLE_PROTECT_DIRECT	_IO('C', 24)

/*
 * Allocate per-CPU memory and free most of it again.  A worker frees the pages
 * afterwards, with a deferrable flush.
 */
#define ORACLE_PERCPU		_IO('C', 22)

/*
 * The next stay walks the calling process's page table at this address; 0 for no
 * walk.  The process must not exit before the stay has ended.
 */
#define ORACLE_WALK_AT		_IO('C', 25)

/**
 * struct oracle_stay - what a CPU found while it stayed in the kernel
 * @stretches: how often it turned interrupts off; it turns them on when an
 *	interrupt is due
 * @walks: stretches in which the walk found a page-table entry
 * @changed: of these, how often the entry had changed at the end
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
 * Record from now on, for every IPI callback that is queued for another CPU, that
 * CPU's state.  The first request patches kernel text.  ENOENT if this kernel has
 * no tracepoint for it.
 */
#define ORACLE_SENT_START	_IO('C', 29)

/**
 * struct oracle_sent - calls of one callback since then
 * @index: which callback, from 0 (in)
 * @calls: queued for any CPU
 * @to_user_mode: of these, for a CPU whose state lacked LOADED; 0 in a kernel
 *	without the state
 * @name: the callback
 */
struct oracle_sent {
	__s32 index;
	__s32 calls;
	__s32 to_user_mode;
	char name[64];
};

/* ENOENT if there are no more callbacks; EOVERFLOW if there were too many. */
#define ORACLE_SENT		_IOWR('C', 30, struct oracle_sent)

/* Move the page to another address, with a flush for the old one. */
#define ORACLE_RELOCATE		_IO('C', 31)

/*
 * Map and free a huge mapping of 2M: it is purged later.  ENOMEM or EAGAIN if there is
 * none.
 */
#define ORACLE_FREE_HUGE	_IO('C', 32)

/*
 * WATCH_PAGE chooses the page behind an address of vmalloc memory, which the caller
 * then frees.  FIND_PAGE allocates pages on the calling CPU until it gets that page,
 * and frees them again.  ENOENT if it does not get it, EFAULT if none is chosen.
 */
#define ORACLE_WATCH_PAGE	_IO('C', 33)
#define ORACLE_FIND_PAGE	_IO('C', 34)

/**
 * struct oracle_shadow - a write to the shadow of CR4
 * @address: of cpu_tlbstate, from /proc/kallsyms
 * @cpu: whose shadow
 * @smap: the value of its bit SMAP
 */
struct oracle_shadow {
	__u64 address;
	__s32 cpu;
	__s32 smap;
};

/* Write the bit in the shadow alone.  ENOENT if no shadow is found there. */
#define ORACLE_SHADOW_SMAP	_IOW('C', 35, struct oracle_shadow)

/* Whether CR4 of the calling CPU has SMAP.  ERANGE if not; then the bit is set. */
#define ORACLE_HAS_SMAP		_IO('C', 36)

#ifdef __KERNEL__
bool coalesce_tlbi_oracle_look(int *seen, int *now_mapped);
#endif

#endif
