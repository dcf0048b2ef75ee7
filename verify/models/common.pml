/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the models share: names, the trail, the properties, and the start.
 */

/* Steps have the names of the code.  drain: a store reaches memory. */
mtype = {
	/* the hooks */
	cmp_LOADED, lock_or_LOADED, or_LOADED, xchg_LOADED, test_FLUSH, write_cr4,
	store_LOADED, lfence, add_LOADED, cmp_exit_state, load_exit_state, store_exit_state, save_state,
	cmp_saved_LOADED, test_saved_LOADED,
	/* the older form */
	write_kernel_cr3, write_user_cr3, save_cr3, test_saved_cr3, restore_cr3,
	/* the rest of the target */
	system_call, interrupt, use, flush_for_initiator, acknowledge, read_table, follow_table,
	interrupts_off, return_to_user, arrives, returns, walk, drain,
	/* initiators */
	clear_entry, smp_mb, read_state, cmpxchg_FLUSH_PENDING, store_FLUSH_PENDING, defer,
	ipi_for_range, ipi_for_all, answered, flush_returns,
	/* huge.pml, vmalloc.pml, flush_pending.pml */
	note_huge_change, overlaps_huge_change, call_flush_tlb_all, forget_huge_changes,
	take_lock, add_to_list, drop_lock, take_list, look_at_list, clear_huge_entry, map_again,
	has_flush_pending, flush_pending_returns,
	/* quarantine.pml */
	inc_entry_flushes, keep_page, start_waiting, read_pending, poll_pending, poll_flushes,
	free_pages,
	/* violations */
	stale_use, flush_lost, kernel_code_without_LOADED, user_mode_with_LOADED,
	illegal_state, LOADED_PENDING_outside_an_entry, table_is_freed, two_sizes, alias_left,
	forced_for_nothing, page_is_reused
};

/* Values of the per-CPU state */
#define LOADED		1
#define FLUSH_PENDING	2
#define FLUSH_ALWAYS	4
#define FLUSH		(FLUSH_PENDING | FLUSH_ALWAYS)

/*
 * Values of an address, in memory and in the target's TLB: no entry; a mapping
 * (text: the old instruction; table: a pointer to it); one whose flush has returned.
 */
#define NONE	0
#define VALID	1
#define STALE	2

#define CPUS		(INITIATORS + 1)
/* Memory: the per-CPU state, an entry of each initiator, an answer to each. */
#define STATE		0
#define ACK(i)		(INITIATORS + (i))
#ifndef ADDRESSES
#define ADDRESSES	(2 * INITIATORS + 1)
#endif
/* The address that initiator i flushes */
#ifndef RANGE
#define RANGE(i)	(i)
#endif

/* What an initiator changes */
#ifdef TEXT
#define IS_TEXT(i)	((i) == TEXT)
#else
#define IS_TEXT(i)	false
#endif
#ifdef TABLE
#define IS_TABLE(i)	((i) == TABLE)
#else
#define IS_TABLE(i)	false
#endif
#define IS_PAGE(i)	(!IS_TEXT(i) && !IS_TABLE(i))

/* What the IPI's handler flushes */
#define OWN	1
#define EVERY	2

#ifdef QUIET
bit quiet;		/* nothing begins any more; what has begun has to end */
#else
#define quiet	false
#endif

/* For each initiator's address */
#if INITIATORS > 2
#define THIRD(x)	x
#define EACH(do_it)	do_it(1); do_it(2); do_it(3)
#else
#define THIRD(x)	0
#define EACH(do_it)	do_it(1); do_it(2)
#endif

/* The target is CPU 0, initiators are 1, 2, ... */
#define T	0

byte level;		/* what the target runs: 0 task, 1 NMI, 2 #MC or #DB in that */
bit user;		/* the task is in user mode */
mtype at[3];		/* the last step of each level */
byte saved[3];		/* the register that saves the state, of each level */
byte ipi[INITIATORS + 1];	/* IPIs not handled yet, by initiator: OWN or EVERY */
#ifdef TABLE
byte cached[INITIATORS + 3];	/* the last two: the table, as NMIs have read it */
#else
byte cached[INITIATORS + 1];	/* the target's TLB entry of each address */
#endif
bit pge = 1;		/* CR4.PGE */
bit pending;		/* ghost: an IPI was deferred and no flush done since */
#ifdef CR3_COUPLED
bit kernel_cr3;
#endif

/* A line of the trail: who, step, state; then entry, TLB and buffer of each. */
#define INITIATOR_0	10
#define DRAIN		20
#define WALKER		30
#define SHOW(who, name)								\
	printf("@ %d %e %d  %d %d %d %d  %d %d %d %d  %d %d %d %d  %d %d %d\n",	\
		who, name, mem[STATE],						\
		mem[1], cached[1], sb[1].slot[0], sb[1].slot[1],		\
		mem[2], cached[2], sb[2].slot[0], sb[2].slot[1],		\
		THIRD(mem[3]), THIRD(cached[3]), THIRD(sb[3].slot[0]), THIRD(sb[3].slot[1]), \
		sb[0].slot[0], sb[0].slot[1], sb[0].slot[2])

/* The properties.  A variant may check only one of them. */
#define STALE_USE	1
#define FLUSH_LOST	2
#define STATE_WRONG	4
#define TWO_SIZES	8
#define TABLE_FREED	16
#define ALIAS_LEFT	32
#define FORCED		64
#define REUSED		128
#ifndef PROPERTIES
#define PROPERTIES	255
#endif
#define VIOLATION(property, condition, name)			\
	if							\
	:: (PROPERTIES & property) && (condition) ->		\
		printf("! %e\n", name);				\
		assert(false)					\
	:: else							\
	fi

/* At this level, an entry is between its first and its last store. */
#define ENTERS(l)	(at[l] == lock_or_LOADED || at[l] == or_LOADED || at[l] == add_LOADED || \
			 at[l] == test_FLUSH || at[l] == write_cr4 || at[l] == inc_entry_flushes)
#define STATE_WAITS	(BUFFERED(T, 0, STATE) || BUFFERED(T, 1, STATE) || BUFFERED(T, 2, STATE))
/* As legal_state() */
#define LEGAL(s)	((s) == LOADED || (EXIT_STATE != LOADED && (s) <= (LOADED | FLUSH) &&	\
			 ((s) & FLUSH_ALWAYS) == EXIT_STATE))
#define CHECK_STATE								\
	VIOLATION(STATE_WRONG, !LEGAL(mem[STATE]), illegal_state);		\
	VIOLATION(STATE_WRONG, (mem[STATE] & LOADED) && mem[STATE] != LOADED && !STATE_WAITS &&	\
		  !ENTERS(0) && !ENTERS(1) && !ENTERS(2), LOADED_PENDING_outside_an_entry)

/* How often each step was taken, and was interrupted: coverage.h */
#define STRING(x)	#x
#ifdef COVERAGE
c_decl {
\#include "coverage.h"
}
#define COUNT_STEP(name, text)	\
	c_code { count_step(now.level, now.at[now.level], STRING(name), text); };
#define COUNT_INITIATOR(name, text)	\
	c_code { count_step(INITIATOR, 0, STRING(name), text); };
#define COUNT_ARRIVAL	c_code { interrupted[now.level - 1][now.at[now.level - 1]]++; };
#else
#define COUNT_STEP(name, text)
#define COUNT_INITIATOR(name, text)
#define COUNT_ARRIVAL
#endif

#include "tso.pml"
#include "target.pml"
#include "initiator.pml"

inline map_and_watch(i)
{
	mem[i] = VALID;
	run memory(i);
	if
	:: !IS_TABLE(i) -> run walker(i)
	:: else
	fi
}

/* Everything is mapped, nothing cached; the target is in user mode. */
inline boot()
{
#ifdef COVERAGE
	c_code { nmis = NMIS; atexit(print_coverage); };
#endif
	mem[STATE] = EXIT_STATE;
	user = 1;
	run target();
	run memory(T);
	EACH(map_and_watch);
#if NMIS > 0
	run nmi(1);
#endif
#if NMIS > 1
	run nmi(2);
#endif
#ifdef QUIET
	run quiesce();
#endif
}
