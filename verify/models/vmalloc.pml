/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One CPU flushes what another one has cleared: vmalloc's lazily freed areas.
 *
 * The unmapper (CPU 1) clears the entry of address 1 and puts the area on a list,
 * under lazy.lock.  The purger (CPU 2) takes the list under that lock and flushes;
 * then the address is free for new mappings.  Neither waits for the other in between.
 * The lock of a vmap_block orders the same two stores: the clear, and the one that
 * announces it.
 *
 * Variant NO_LIST_LOCK: without the lock the compiler may exchange the two plain
 * stores, and the model tries both orders.
 *
 * Options and properties are those of protocol.pml.
 */
#define INITIATORS		2
#ifndef NMIS
#define NMIS		1
#endif
#ifndef EXIT_STATE
#define EXIT_STATE	0
#endif
#define LIST		5		/* in memory: the list has the area */
#define LOCK		6
#define ADDRESSES	7
#define RANGE(i)	1		/* the purger flushes the unmapper's address */
#include "common.pml"

bit mapped = 1;			/* address 1 is in use */

#ifdef NO_LIST_LOCK
#define LOCK_LIST(i)	skip
#define UNLOCK_LIST(i)	skip
#else
#define LOCK_LIST(i)	INITIATOR(i, take_lock, DRAINED(i) && mem[LOCK] == 0, mem[LOCK] = 1)
#define UNLOCK_LIST(i)	INITIATOR(i, drop_lock, ROOM(i), STORE(i, LOCK, 0))
#endif

/* free_vmap_area_noflush() after vunmap_range_noflush() */
proctype unmapper()
{
end:	do
	:: INITIATOR(1, map_again, mapped == 0 && ROOM(1), STORE(1, 1, VALID); mapped = 1)
	:: INITIATOR(1, clear_entry, mapped && ROOM(1), STORE(1, 1, NONE)) ->
	   LOCK_LIST(1);
	   INITIATOR(1, add_to_list, ROOM(1), STORE(1, LIST, 1));
	   UNLOCK_LIST(1);
end1:	   mapped == 0
#ifdef NO_LIST_LOCK
	:: INITIATOR(1, add_to_list, mapped && ROOM(1), STORE(1, LIST, 1)) ->
	   INITIATOR(1, clear_entry, ROOM(1), STORE(1, 1, NONE));
end2:	   mapped == 0
#endif
	od
}

/* __purge_vmap_area_lazy() */
proctype purger()
{
	bit now;

end:	do
	:: INITIATOR(2, look_at_list, LOAD(2, LIST), skip) ->
	   LOCK_LIST(2);
	   INITIATOR(2, take_list, ROOM(2), STORE(2, LIST, 0));
	   UNLOCK_LIST(2);
	   call_or_defer(2);
	   INITIATOR(2, flush_returns, true, returned(1); mapped = 0)
	od
}

init {
	atomic {
		boot();
		run unmapper();
		run purger()
	}
}
