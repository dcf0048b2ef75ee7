/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vm_unmap_aliases(): no alias may be left when it returns, not even in the TLB of a
 * CPU in user mode, for the page changes its memory type next.
 *
 * The purger (CPU 1) clears address 1 and has it flushed, under vmap_purge_lock.  The
 * settler (CPU 2) takes that lock after it, and then interrupts the target if that
 * owes a flush: coalesce_tlbi_flush_pending().  It need not see who deferred what.
 *
 * Property ALIAS_LEFT: when it returns, the target holds nothing of address 1.
 * Variants: NO_SETTLE, and SETTLE_OWED_ALONE, which overlooks an entry in progress.
 */
#define SENDERS		2
#ifndef NMIS
#define NMIS		1
#endif
#ifndef EXIT_STATE
#define EXIT_STATE	0
#endif
#include "common.pml"

bit purged;			/* the purger has dropped the lock, the settler has not */

proctype purger()
{
	bit now;

end:	do
	:: INITIATOR(1, clear_entry, !purged && ROOM(1), STORE(1, 1, NONE)) ->
	   call_or_defer(1);
	   INITIATOR(1, flush_returns, true, returned(1); purged = 1);
end1:	   INITIATOR(1, map_again, !purged && ROOM(1), STORE(1, 1, VALID))
	od
}

#ifdef SETTLE_OWED_ALONE
#define OWES(word)	((word) == FLUSH_PENDING)
#else
#define OWES(word)	((word) & FLUSH_PENDING)
#endif

/* has_flush_pending(), and the call of a CPU that does */
proctype settler()
{
end:	do
	:: INITIATOR(2, take_lock, purged && DRAINED(2), skip) ->
#ifndef NO_SETTLE
	   if
	   :: INITIATOR(2, has_flush_pending, !OWES(LOAD(2, WORD)), skip)
	   :: INITIATOR(2, has_flush_pending, OWES(LOAD(2, WORD)), skip) ->
	      INITIATOR(2, interrupt_for_all, DRAINED(2), mem[ACK(2)] = 0; ipi[2] = EVERY);
	      INITIATOR(2, answered, LOAD(2, ACK(2)), skip)
	   fi;
#endif
	   INITIATOR(2, forced, true,
		  VIOLATION(ALIAS_LEFT, cached[1] != NONE, alias_left); purged = 0)
	od
}

init {
	atomic {
		boot();
		run purger();
		run settler()
	}
}
