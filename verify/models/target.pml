/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The target: an isolated CPU that enters and leaves the kernel, its page walker,
 * and what interrupts it.  The inlines are the macros of asm/coalesce_tlbi.h by their
 * names, and a step is one of their instructions.  verify/models/compare-order
 * compares the two.
 *
 * What is left out, and why that loses nothing:
 *
 * - Levels of page tables, PCIDs, global pages: an address has one translation.
 *   The flush is a write to CR4 that changes PGE, which drops every kind.
 * - Evictions from the TLB: what can happen after one can also happen without the
 *   walk that filled it.
 * - Instructions that access nothing that another CPU accesses.
 * - Speculation, except that of page walks and fetches.  The LFENCE is a step all the
 *   same, so that compare-order finds it.
 * - Idle, guests, task switches: kernel code, with LOADED.
 */
#define SEEN	LOAD(T, STATE)	/* the state as the target reads it */

#if defined XCHG_LOADED || defined PLAIN_OR
byte was[3];		/* a register, of each level */
#endif
#ifdef XCHG_LOADED
#define TESTED(l)	was[l]
#else
#define TESTED(l)	SEEN
#endif

/*
 * An instruction of the target at one level.  No other level runs: interrupts come
 * between two instructions.  A conditional jump is two steps of the same name.
 */
#define STEP(l, name, condition, action)	DO_STEP(l, name, condition, #condition, action)
#define DECIDE(l, name, condition)		DO_STEP(l, name, condition, #condition, skip)
#define DO_STEP(l, name, condition, text, action)	\
	d_step {					\
		level == l && (condition) ->		\
		action;					\
		at[l] = name;				\
		COUNT_STEP(name, text)			\
		SHOW(l, name);				\
		CHECK_STATE				\
	}

inline drop(i)
{
	if
	:: !IS_TABLE(i) -> cached[i] = NONE
	:: else
	fi
}

inline drop_everything()
{
	EACH(drop);
	pending = 0
}

/* An NMI between the two writes leaves PGE set: then the second one drops nothing. */
inline write_pge(value)
{
	if
	:: pge != value -> pge = value; drop_everything()
	:: else
	fi
}

/* The count of flushes: only the quarantine reads it.  See quarantine.pml. */
#ifdef QUARANTINE
#define COUNT_FLUSH(l)	STEP(l, inc_entry_flushes, ROOM(T), STORE(T, ENTRY_FLUSHES, 1))
#endif

inline COALESCE_TLBI_FLUSH(l)
{
#ifdef COUNTED_FIRST
	COUNT_FLUSH(l);
#endif
	STEP(l, write_cr4, DRAINED(T), write_pge(0));
	STEP(l, write_cr4, DRAINED(T), write_pge(1))
#if defined QUARANTINE && !defined COUNTED_FIRST
	; COUNT_FLUSH(l)
#endif
}

inline COALESCE_TLBI_LOAD(l)
{
#if defined PLAIN_OR			/* read and store, without waiting for the buffer */
	STEP(l, or_LOADED, ROOM(T), was[l] = SEEN; STORE(T, STATE, was[l] | LOADED); was[l] = 0);
#elif defined XCHG_LOADED		/* FLUSH_PENDING moves to a register */
	STEP(l, xchg_LOADED, DRAINED(T), was[l] = mem[STATE]; mem[STATE] = LOADED);
#elif defined ADD_LOADED		/* counts, but should set */
	STEP(l, add_LOADED, DRAINED(T), mem[STATE] = mem[STATE] + LOADED);
#elif !defined FLAG_AFTER_FLUSH
	STEP(l, lock_or_LOADED, DRAINED(T), mem[STATE] = mem[STATE] | LOADED);
#endif
	if
	:: DECIDE(l, test_FLUSH, !(TESTED(l) & FLUSH))
	:: DECIDE(l, test_FLUSH, TESTED(l) & FLUSH) ->
#ifdef PENDING_CLEARED_FIRST
		STEP(l, store_LOADED, ROOM(T), STORE(T, STATE, LOADED));
#endif
#ifndef NO_FLUSH
		COALESCE_TLBI_FLUSH(l);
#endif
#if defined PENDING_CLEARED_FIRST || defined PENDING_KEPT || defined XCHG_LOADED
		skip
#elif !defined FLAG_AFTER_FLUSH
		STEP(l, store_LOADED, ROOM(T), STORE(T, STATE, LOADED))
#endif
	fi;
#ifdef FLAG_AFTER_FLUSH
	STEP(l, store_LOADED, ROOM(T), STORE(T, STATE, LOADED));
#endif
	STEP(l, lfence, true, skip)
}

inline COALESCE_TLBI_ENTER(l)
{
#ifdef CR3_COUPLED
	STEP(l, write_kernel_cr3, true, kernel_cr3 = 1);
#endif
	if
	:: DECIDE(l, cmp_LOADED, SEEN == LOADED)
	:: DECIDE(l, cmp_LOADED, SEEN != LOADED) -> COALESCE_TLBI_LOAD(l)
	fi
}

inline COALESCE_TLBI_EXIT(l)
{
	if
	:: DECIDE(l, cmp_exit_state, EXIT_STATE == LOADED)
	:: DECIDE(l, cmp_exit_state, EXIT_STATE != LOADED) ->
		STEP(l, load_exit_state, true, skip);
		STEP(l, store_exit_state, ROOM(T), STORE(T, STATE, EXIT_STATE))
#ifdef EXIT_TWICE
		; STEP(l, store_exit_state, ROOM(T), STORE(T, STATE, EXIT_STATE))
#endif
	fi
#ifdef CR3_COUPLED
	; STEP(l, write_user_cr3, true, kernel_cr3 = 0)
#endif
}

/* TRUSTED: the interrupted context needs no hook.  KEPT: it needs no store afterwards. */
#if defined CR3_COUPLED
#define TRUST_STEP	test_saved_cr3
#define TRUSTED(s)	(s)
#elif defined TRUST_LOADED
#define TRUST_STEP	test_saved_LOADED
#define TRUSTED(s)	((s) & LOADED)
#else
#define TRUST_STEP	cmp_saved_LOADED
#define TRUSTED(s)	((s) == LOADED)
#endif
#if defined CR3_COUPLED
#define KEEP_STEP	test_saved_cr3
#define KEPT(s)		(s)
#elif defined RESTORE_UNLESS_LOADED
#define KEEP_STEP	cmp_saved_LOADED
#define KEPT(s)		((s) == LOADED)
#else
#define KEEP_STEP	test_saved_LOADED
#define KEPT(s)		((s) & LOADED)
#endif

inline COALESCE_TLBI_PARANOID_ENTER(l)
{
#ifdef CR3_COUPLED
	STEP(l, save_cr3, true, saved[l] = kernel_cr3; kernel_cr3 = 1);
#else
	STEP(l, save_state, true, saved[l] = SEEN);
#endif
	if
	:: DECIDE(l, TRUST_STEP, TRUSTED(saved[l]))
	:: DECIDE(l, TRUST_STEP, !TRUSTED(saved[l])) -> COALESCE_TLBI_LOAD(l)
	fi
}

inline COALESCE_TLBI_PARANOID_EXIT(l)
{
	if
#ifdef RESTORE_ALWAYS
	:: true ->
#else
	:: DECIDE(l, KEEP_STEP, KEPT(saved[l]))
	:: DECIDE(l, KEEP_STEP, !KEPT(saved[l])) ->
#endif
		STEP(l, load_exit_state, true, skip);
		STEP(l, store_exit_state, ROOM(T), STORE(T, STATE, EXIT_STATE))
#ifdef CR3_COUPLED
		; STEP(l, restore_cr3, true, kernel_cr3 = saved[l])
#endif
	fi
}

/*
 * Kernel code after the hook may use any address and fetch any instruction.  It uses
 * all in one step: the walker may have filled any of them before.
 */
inline use_one(i)
{
	if
	:: cached[i] == NONE && !IS_TABLE(i) -> cached[i] = mem[i]
	:: else
	fi;
	VIOLATION(STALE_USE, cached[i] == STALE && !IS_TABLE(i), stale_use)
}

inline use_everything()
{
	EACH(use_one);
	VIOLATION(FLUSH_LOST, pending, flush_lost);
	VIOLATION(STATE_WRONG, SEEN != LOADED, kernel_code_without_LOADED)
}

/*
 * What the IPI's handler does for initiator i.  Each kind is serialising.  A flush of
 * one address drops no other, a flush of all drops pages (by INVPCID, say), and
 * sync_core() drops prefetched text.
 */
inline flush_one(i)
{
	if
	:: IS_PAGE(i) -> cached[i] = NONE
	:: else
	fi
}

inline flush_for(i)
{
	if
	:: ipi[i] == EVERY -> EACH(flush_one)
	:: ipi[i] == OWN && !IS_TABLE(i) -> cached[RANGE(i)] = NONE
	:: else
	fi;
	ipi[i] = 0
}

#ifdef DEAF			/* user mode takes no IPI */
#define INTERRUPTED	false
#else
#define INTERRUPTED	(ipi[1] || ipi[2] || THIRD(ipi[3]))
#endif
#define ANSWER(i)									\
	STEP(0, flush_for_initiator, ipi[i] && DRAINED(T), flush_for(i)) ->		\
	STEP(0, acknowledge, ROOM(T), STORE(T, ACK(i), 1))

/* A lockless walk of page tables at one level.  Other levels may walk inside it. */
#ifdef TABLE
#define READ_BY(l)	(l == 0 -> TABLE : INITIATORS + l)		/* its index in cached[] */
#define WALK_TABLE(l)								\
	STEP(l, read_table, true, cached[READ_BY(l)] = mem[TABLE]) ->		\
	STEP(l, follow_table, true,						\
	     VIOLATION(TABLE_FREED, cached[READ_BY(l)] == STALE, table_is_freed);	\
	     cached[READ_BY(l)] = NONE)
#else
#define WALK_TABLE(l)	false
#endif

inline kernel_code()
{
	STEP(0, use, true, use_everything());
	do
	:: STEP(0, use, true, use_everything())
	:: ANSWER(1)			/* interrupts are on */
#if INITIATORS > 1
	:: ANSWER(2)
#endif
#if INITIATORS > 2
	:: ANSWER(3)
#endif
	:: WALK_TABLE(0)		/* interrupts are off meanwhile */
	:: STEP(0, interrupts_off, true, skip) -> break
	od
}

proctype target()
{
end_user:
	if
	:: STEP(0, system_call, user && !quiet, user = 0)
	:: STEP(0, interrupt, user && INTERRUPTED, user = 0)
	fi;
	COALESCE_TLBI_ENTER(0);
#ifdef EXIT_EARLY
	COALESCE_TLBI_EXIT(0);
	kernel_code();
	true;
#else
	kernel_code();
	COALESCE_TLBI_EXIT(0);
#endif
	STEP(0, return_to_user, true, user = 1;
	     VIOLATION(STATE_WRONG, EXIT_STATE != LOADED && (SEEN & LOADED), user_mode_with_LOADED));
	goto end_user
}

/* NMI (l = 1) in the kernel, before and after the hooks too; #MC or #DB in it (2). */
proctype nmi(byte l)
{
end:	do
	:: d_step {
		level == l - 1 && !user && !quiet ->
		level = l;
		at[l] = arrives;
		COUNT_ARRIVAL
		SHOW(l, arrives)
	   }
	   COALESCE_TLBI_PARANOID_ENTER(l);
	   STEP(l, use, true, use_everything());
#ifdef TABLE
	   WALK_TABLE(l);
#endif
	   COALESCE_TLBI_PARANOID_EXIT(l);
	   d_step {
		level == l ->
		level = l - 1;
		at[l] = 0;
		saved[l] = 0;
		SHOW(l, returns)
	   }
	od
}

/*
 * The page walker, or for text the prefetcher: it reads memory at any time, in any
 * mode.
 */
proctype walker(byte i)
{
end:	do
	:: d_step {
		cached[i] == NONE && mem[i] != NONE ->
		cached[i] = mem[i];
		SHOW(WALKER + i, walk)
	   }
	od
}
