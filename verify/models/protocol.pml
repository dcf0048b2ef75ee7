/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol of arch/x86/mm/coalesce_tlbi.c: initiators that clear page-table
 * entries (patch text, free tables), and a target that enters and leaves the kernel
 * and takes NMIs at any step.  Each initiator has an address of its own and repeats:
 * clear its entry, flush it, map it again.
 *
 * How to read it: each "run" starts a process, and the verifier tries every order in
 * which the processes can take their steps.  d_step { condition -> ... } is one step,
 * which waits until its condition holds.  do and if take any of their "::" branches
 * that can begin.  An inline is a macro.  A ghost is a variable that exists only for a
 * property.
 *
 * Options (-D): INITIATORS=2 or 3; NMIS=0 to 2, how deep they nest; EXIT_STATE=0 (mode
 * pending), 4 (always), 1 (a housekeeping CPU); TEXT=I, TABLE=I: initiator I changes
 * kernel text, or a page table; QUIET: see "quiet"; PROPERTIES: the ones to check.
 * Other names are wrong orders, listed in the file variants.
 *
 * Properties:
 *
 * STALE_USE	kernel code of the target after its hook, in NMIs too, never uses a
 *		translation (or instruction, or table) whose flush has returned
 * FLUSH_LOST	when such code runs, a flush was done for each deferred IPI
 * STATE_WRONG	such code sees LOADED, user mode does not; the state in memory is legal, and
 *		has a bit besides LOADED only while an entry is in progress, or its last
 *		store waits
 * and, with QUIET: no initiator waits for an answer that never comes, which spin
 * reports as an invalid end state.
 */
#ifndef INITIATORS
#define INITIATORS	2
#endif
#ifndef NMIS
#define NMIS	2
#endif
#ifndef EXIT_STATE
#define EXIT_STATE	0
#endif
#include "common.pml"

#ifdef QUIET
proctype quiesce()
{
	quiet = 1
}
#endif

proctype initiator(byte i)
{
	bit now;		/* the target needs an IPI */

end:	do
	:: INITIATOR(i, clear_entry, !quiet && ROOM(i), STORE(i, i, NONE)) ->
	   call_or_defer(i);
	   INITIATOR(i, flush_returns, ROOM(i), returned(i); STORE(i, i, VALID))
	od
}

inline start(i)
{
	run initiator(i)
}

init {
	atomic {
		boot();
		EACH(start)
	}
}
