/* SPDX-License-Identifier: GPL-2.0 */
/*
 * coalesce_tlbi_quarantine(): a page that was executable is not reused while the
 * target may hold a TLB entry of it.
 *
 * Each freer unmaps the page of its address, requests a deferrable flush, and puts the
 * page into the list "next".  The poller moves "next" to "waiting" if that is empty,
 * and notes the count of the target's flushes and whether a flush is pending.  It frees
 * the pages in "waiting" when none was pending, none is any more, or the count has
 * changed.  Then the page may be mapped again.
 *
 * quarantine_lock orders freers and poller.  The poller stores nothing that another CPU
 * reads without the lock, so it has no store buffer.  Only a change of the count
 * matters: the count is 0 when a wait begins and 1 after a flush.
 *
 * Property REUSED: when a page is freed, the target holds no TLB entry of it, not even
 * in user mode.
 *
 * Variants: NO_WAIT; PENDING_READ_EARLY and COUNT_READ_EARLY, before the flush is
 * requested; LOADED_IS_FLUSHED, a target that runs kernel code counts as flushed;
 * NEXT_FREED, the pages in "next" are freed together with those in "waiting";
 * COUNTED_FIRST, the target counts a flush before it is done.
 */
#define INITIATORS		2
#ifndef NMIS
#define NMIS		1
#endif
#ifndef EXIT_STATE
#define EXIT_STATE	0
#endif
#define QUARANTINE
#define ENTRY_FLUSHES	5
#define ADDRESSES	6
#include "common.pml"

#define NEXT		1
#define WAITING		2
byte list[INITIATORS + 1];	/* where the page of each freer is; 0: not kept */
bit locked;			/* quarantine_lock */
bit waits;			/* waiting_cpus has the target */
#define POLLER		3

#ifdef COUNT_READ_EARLY
#define READ_COUNT	skip
#else
#define READ_COUNT	mem[ENTRY_FLUSHES] = 0
#endif
#define READ_PENDING	waits = ((mem[STATE] & FLUSH_PENDING) != 0)

/* What variants read too early, and what is not read then any more */
#if defined PENDING_READ_EARLY
#define EARLY		READ_PENDING
#elif defined COUNT_READ_EARLY
#define EARLY		mem[ENTRY_FLUSHES] = 0
#else
#define EARLY		skip
#endif

proctype freer(byte i)
{
	bit now;

end:	do
	:: INITIATOR(i, clear_entry, ROOM(i), STORE(i, i, NONE); EARLY) ->
	   call_or_defer(i);
	   INITIATOR(i, flush_returns, true, returned(i));
end1:	   INITIATOR(i, keep_page, !locked && DRAINED(i), list[i] = NEXT);
end2:	   INITIATOR(i, map_again, list[i] == 0 && ROOM(i), STORE(i, i, VALID))
	od
}

inline next_waits(i)
{
	if
	:: list[i] == NEXT -> list[i] = WAITING
	:: else
	fi
}

inline free_page(i)
{
	if
#ifdef NEXT_FREED
	:: list[i] != 0 ->
#else
	:: list[i] == WAITING ->
#endif
	   VIOLATION(REUSED, cached[i] != NONE, page_is_reused);
	   list[i] = 0
	:: else
	fi
}

inline free_waiting()
{
	INITIATOR(POLLER, free_pages, true, EACH(free_page); waits = 0)
}

#ifdef LOADED_IS_FLUSHED
#define FLUSHED	(mem[STATE] & LOADED || !(mem[STATE] & FLUSH_PENDING))
#else
#define FLUSHED	(!(mem[STATE] & FLUSH_PENDING))
#endif

/* take_flushed(): what holds the lock in between takes no step of its own. */
proctype poller()
{
end:	do
	:: INITIATOR(POLLER, start_waiting, list[1] == NEXT || list[2] == NEXT,
		     EACH(next_waits); locked = 1; READ_COUNT) ->
#if !defined NO_WAIT && !defined PENDING_READ_EARLY
	   INITIATOR(POLLER, read_pending, true, READ_PENDING);
#endif
	   locked = 0;
	   if
	   :: !waits
	   :: INITIATOR(POLLER, poll_pending, waits && FLUSHED, skip)
	   :: INITIATOR(POLLER, poll_flushes, waits && mem[ENTRY_FLUSHES], skip)
	   fi;
	   free_waiting()
	od
}

inline start(i)
{
	run freer(i)
}

init {
	atomic {
		boot();
		EACH(start);
		run poller()
	}
}
