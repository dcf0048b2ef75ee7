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
 *	moved and was not read
 */
struct oracle_nmi {
	__s32 cpu;
	__s32 count;
	__s32 seen;
	__s32 mapped;
};

/* From now on, read through the address in every NMI on the given CPU. */
#define ORACLE_WATCH_NMI	_IOWR('C', 6, struct oracle_nmi)

#ifdef __KERNEL__
bool coalesce_tlbi_oracle_look(int *seen, int *now_mapped);
#endif

#endif
