/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vm_unmap_aliases(): when it returns, no TLB may hold an alias, not even that of a CPU
 * in user mode, because the page changes its memory type next.
 *
 * The purger (CPU 1) clears address 1 and flushes it, under vmap_purge_lock.  The
 * forcer (CPU 2) takes that lock afterwards and calls coalesce_tlbi_flush_pending(),
 * which sends an IPI to the target if a flush is pending there.  It does not need to
 * know who deferred what.
 *
 * Property ALIAS_LEFT: when the forcer returns, the target holds no TLB entry of
 * address 1.  Variants: PENDING_NOT_FLUSHED, and PENDING_ALONE, which overlooks an
 * entry in progress.
 *
 * Property FORCED: the forcer sends an IPI only if one was deferred since it returned
 * last.  Variant FORCE_ALWAYS: FLUSH_ALWAYS counts as well.
 */
#define INITIATORS		2
#ifndef NMIS
#define NMIS		1
#endif
#ifndef EXIT_STATE
#define EXIT_STATE	0
#endif
bit deferred;			/* ghost: an IPI was deferred since the forcer returned */
#define DEFERRED	pending = 1; deferred = 1
#include "common.pml"

bit purged;			/* the purger has dropped the lock, the forcer has not */

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

#if defined PENDING_ALONE
#define HAS_PENDING(state)	((state) == (EXIT_STATE | FLUSH_PENDING))
#elif defined FORCE_ALWAYS
#define HAS_PENDING(state)	((state) & FLUSH)
#else
#define HAS_PENDING(state)	((state) & FLUSH_PENDING)
#endif

/* has_flush_pending(), and the IPI to a CPU for which it is true */
proctype forcer()
{
end:	do
	:: INITIATOR(2, take_lock, purged && DRAINED(2), skip) ->
#ifndef PENDING_NOT_FLUSHED
	   if
	   :: INITIATOR(2, has_flush_pending, !HAS_PENDING(LOAD(2, STATE)), skip)
	   :: INITIATOR(2, has_flush_pending, HAS_PENDING(LOAD(2, STATE)),
			VIOLATION(FORCED, !deferred, forced_for_nothing)) ->
	      INITIATOR(2, ipi_for_all, DRAINED(2), mem[ACK(2)] = 0; ipi[2] = EVERY);
	      INITIATOR(2, answered, LOAD(2, ACK(2)), skip)
	   fi;
#endif
	   INITIATOR(2, flush_pending_returns, true,
		  VIOLATION(ALIAS_LEFT, cached[1] != NONE, alias_left);
		  purged = 0; deferred = 0)
	od
}

init {
	atomic {
		boot();
		run purger();
		run forcer()
	}
}
