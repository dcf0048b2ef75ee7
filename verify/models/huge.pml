/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Huge mappings: the ranges of flush_huge_changes().
 *
 * Each initiator unmaps an address of its own, which a huge mapping or a 4K PTE maps,
 * and flushes.  The flush of a 4K PTE may be deferred.  4K PTEs may replace a huge
 * mapping as soon as its flush returns, so the target must not hold a TLB entry of it
 * by then, not even in user mode: property TWO_SIZES.
 *
 * The ranges are accessed under huge_changes_lock, so what one holder does is one step,
 * after the stores before it.  A range is an address here; ranges that are merged need
 * flushes that are not modelled.  ROUNDS bounds the sequence numbers.
 *
 * Variants: HUGE_FLAG_EARLY, a range is forgotten before the flush is done;
 * HUGE_FORGETS_ALL, and those that were noted after it began; HUGE_NOTED_EARLY, a
 * range is noted before the mapping is cleared; HUGE_WRONG_RANGE.
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

byte huge_changes_seq;
byte huge_change[INITIATORS + 1];	/* the last change of each address; 0: none */

#ifdef HUGE_WRONG_RANGE
#define NOTED(i)	(i % INITIATORS + 1)
#else
#define NOTED(i)	i
#endif

inline coalesce_tlbi_note_huge_change(i)
{
	INITIATOR(i, note_huge_change, DRAINED(i),
		  huge_changes_seq++; huge_change[NOTED(i)] = huge_changes_seq)
}

inline forget(x)
{
	if
#ifdef HUGE_FORGETS_ALL
	:: true -> huge_change[x] = 0
#else
	:: huge_change[x] <= seq -> huge_change[x] = 0
	:: else
#endif
	fi
}

inline flush_tlb_all(i)
{
	INITIATOR(i, call_flush_tlb_all, DRAINED(i), mem[ACK(i)] = 0; ipi[i] = EVERY);
	INITIATOR(i, answered, LOAD(i, ACK(i)), skip)
}

/* "seq" is a variable of the caller; "all" is the return value. */
inline flush_huge_changes(i)
{
	INITIATOR(i, overlaps_huge_change, DRAINED(i),
		  all = (huge_change[i] != 0); seq = huge_changes_seq);
	if
	:: !all
	:: else ->
#ifdef HUGE_FLAG_EARLY
	   INITIATOR(i, forget_huge_changes, DRAINED(i), EACH(forget));
	   flush_tlb_all(i)
#else
	   flush_tlb_all(i);
	   INITIATOR(i, forget_huge_changes, DRAINED(i), EACH(forget))
#endif
	fi
}

proctype unmapper(byte i)
{
	bit now, all, huge;
	byte seq, round;

end:	do
	:: round < ROUNDS ->
	   round++;
	   if
	   :: INITIATOR(i, clear_entry, ROOM(i), STORE(i, i, NONE))
#ifdef HUGE_NOTED_EARLY
	   :: coalesce_tlbi_note_huge_change(i);
	      INITIATOR(i, clear_huge_entry, ROOM(i), STORE(i, i, NONE); huge = 1)
#else
	   :: INITIATOR(i, clear_huge_entry, ROOM(i), STORE(i, i, NONE); huge = 1) ->
	      coalesce_tlbi_note_huge_change(i)
#endif
	   fi;
	   flush_huge_changes(i);
	   if
	   :: all
	   :: else -> call_or_defer(i)
	   fi;
	   INITIATOR(i, flush_returns, ROOM(i),
		  VIOLATION(TWO_SIZES, huge && cached[i] != NONE, two_sizes);
		  returned(i); STORE(i, i, VALID); huge = 0; seq = 0; all = 0)
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
