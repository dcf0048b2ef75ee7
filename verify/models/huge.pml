/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leaves larger than 4K: the two counters of flush_huge_changes().
 *
 * Each initiator unmaps an address of its own, mapped by a large or a small leaf, and
 * flushes.  A small one may be deferred.  Where a large one has gone, small ones may
 * follow as soon as the flush returns, so the target may hold nothing of it by then,
 * not in user mode either: property TWO_SIZES.
 *
 * The counters are changed by locked instructions only, so that no store of them
 * waits in a buffer.  ROUNDS bounds them.  Variant HUGE_FLAG_EARLY: what a flush
 * will cover is counted before it is done.
 */
#ifndef SENDERS
#define SENDERS		2
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

/* The caller's "seen" and "flushed"; "all" is what it returns. */
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
	bit now, all, large;
	byte seen, flushed, round;

end:	do
	:: round < ROUNDS ->
	   round++;
	   if
	   :: INITIATOR(i, clear_entry, ROOM(i), STORE(i, i, NONE))
	   :: INITIATOR(i, clear_large_entry, ROOM(i), STORE(i, i, NONE); large = 1) ->
	      INITIATOR(i, inc_huge_changes, DRAINED(i), huge_changes++)
	   fi;
	   flush_huge_changes(i);
	   if
	   :: all
	   :: else -> call_or_defer(i)
	   fi;
	   INITIATOR(i, flush_returns, ROOM(i),
		  VIOLATION(TWO_SIZES, large && cached[i] != NONE, two_sizes);
		  returned(i); STORE(i, i, VALID); large = 0; seen = 0; flushed = 0)
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
