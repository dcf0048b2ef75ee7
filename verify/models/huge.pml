/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Huge mappings: the two counters of flush_huge_changes().
 *
 * Each initiator unmaps an address of its own, which a huge mapping or a 4K PTE maps,
 * and flushes.  The flush of a 4K PTE may be deferred.  4K PTEs may replace a huge
 * mapping as soon as its flush returns, so the target must not hold a TLB entry of it
 * by then, not even in user mode: property TWO_SIZES.
 *
 * Only locked instructions change the counters, so no store to them waits in a
 * buffer.  ROUNDS bounds them.  Variant HUGE_FLAG_EARLY: a change counts as flushed
 * before the flush is done.
 */
#ifndef INITIATORS
#define INITIATORS		2
#endif
#ifndef NMIS
#define NMIS		0
#endif
#ifndef EXIT_STATE
#define EXIT_STATE	0
#endif
#ifndef ROUNDS
#define ROUNDS		2
#endif
#include "common.pml"

byte huge_changes, huge_changes_flushed;

/* "seen" and "flushed" are variables of the caller; "all" is the return value. */
inline cover(i)
{
	do
	:: flushed >= seen -> break
	:: else ->
	   if
	   :: INITIATOR(i, cmpxchg_huge_changes_flushed,
		     DRAINED(i) && huge_changes_flushed == flushed,
		     huge_changes_flushed = seen; flushed = seen)
	   :: INITIATOR(i, cmpxchg_huge_changes_flushed,
		     DRAINED(i) && huge_changes_flushed != flushed,
		     flushed = huge_changes_flushed)
	   fi
	od
}

inline flush_tlb_all(i)
{
	INITIATOR(i, call_flush_tlb_all, DRAINED(i), mem[ACK(i)] = 0; ipi[i] = EVERY);
	INITIATOR(i, answered, LOAD(i, ACK(i)), skip)
}

inline flush_huge_changes(i)
{
	INITIATOR(i, read_huge_changes, true, seen = huge_changes);
	INITIATOR(i, read_huge_changes_flushed, true, flushed = huge_changes_flushed);
	if
	:: flushed >= seen -> all = 0
	:: else ->
#ifdef HUGE_FLAG_EARLY
	   cover(i);
	   flush_tlb_all(i);
#else
	   flush_tlb_all(i);
	   cover(i);
#endif
	   all = 1
	fi
}

proctype unmapper(byte i)
{
	bit now, all, huge;
	byte seen, flushed, round;

end:	do
	:: round < ROUNDS ->
	   round++;
	   if
	   :: INITIATOR(i, clear_entry, ROOM(i), STORE(i, i, NONE))
	   :: INITIATOR(i, clear_huge_entry, ROOM(i), STORE(i, i, NONE); huge = 1) ->
	      INITIATOR(i, inc_huge_changes, DRAINED(i), huge_changes++)
	   fi;
	   flush_huge_changes(i);
	   if
	   :: all
	   :: else -> call_or_defer(i)
	   fi;
	   INITIATOR(i, flush_returns, ROOM(i),
		  VIOLATION(TWO_SIZES, huge && cached[i] != NONE, two_sizes);
		  returned(i); STORE(i, i, VALID); huge = 0; seen = 0; flushed = 0)
	od
}

inline start(i)
{
	run unmapper(i)
}

init {
	atomic {
		boot();
		EACH(start)
	}
}
