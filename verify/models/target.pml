/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The target: an isolated CPU that enters and leaves the kernel, its page walker,
 * and what interrupts it.  The inlines are the macros of asm/coalesce_tlbi.h under
 * their names, and a step is an instruction of theirs; verify/models/order compares
 * the two.
 *
 * What is left out, and why nothing is lost by that:
 *
 * - Levels of page tables, PCIDs, global pages: an address has one translation.
 *   The flush is a write to CR4 that changes PGE, which drops every kind.
 * - Evictions from the TLB: what can happen after one can happen without the walk
 *   that had filled it.
 * - Instructions that neither read nor write what another party looks at.
 * - Idle, guests, switches of task: kernel code, with LOADED.
 */
#define SEEN	LOAD(T, WORD)	/* the word as the target reads it */

#if defined XCHG_LOADED || defined PLAIN_OR
byte was[3];		/* a register, of each level */
#endif
#ifdef XCHG_LOADED
#define TESTED(l)	was[l]
#else
#define TESTED(l)	SEEN
#endif

/*
 * An instruction of the target at one level.  No other level runs: what interrupts
 * comes between two of them.  One that decides is two steps of the same name.
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
		CHECK_WORD				\
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

/* An NMI between the two writes leaves PGE as the second will: that one drops nothing. */
inline write_pge(value)
{
	if
	:: pge != value -> pge = value; drop_everything()
	:: else
	fi
}

inline COALESCE_TLBI_FLUSH(l)
{
	STEP(l, write_cr4, DRAINED(T), write_pge(0));
	STEP(l, write_cr4, DRAINED(T), write_pge(1))
}

inline COALESCE_TLBI_LOAD(l)
{
#if defined PLAIN_OR			/* read and store, and no wait for the buffer */
	STEP(l, or_LOADED, ROOM(T), was[l] = SEEN; STORE(T, WORD, was[l] | LOADED); was[l] = 0);
#elif defined XCHG_LOADED		/* FLUSH_PENDING goes into a register */
	STEP(l, xchg_LOADED, DRAINED(T), was[l] = mem[WORD]; mem[WORD] = LOADED);
#elif defined ADD_LOADED		/* counts, where it has to set */
	STEP(l, add_LOADED, DRAINED(T), mem[WORD] = mem[WORD] + LOADED);
#elif !defined FLAG_AFTER_FLUSH
	STEP(l, lock_or_LOADED, DRAINED(T), mem[WORD] = mem[WORD] | LOADED);
#endif
	if
	:: DECIDE(l, test_FLUSH_PENDING, !(TESTED(l) & FLUSH_PENDING))
	:: DECIDE(l, test_FLUSH_PENDING, TESTED(l) & FLUSH_PENDING) ->
#ifdef OWED_CLEARED_FIRST
		STEP(l, store_LOADED, ROOM(T), STORE(T, WORD, LOADED));
#endif
#ifndef NO_FLUSH
		COALESCE_TLBI_FLUSH(l);
#endif
#if defined OWED_CLEARED_FIRST || defined OWED_KEPT || defined XCHG_LOADED
		skip
#elif !defined FLAG_AFTER_FLUSH
		STEP(l, store_LOADED, ROOM(T), STORE(T, WORD, LOADED))
#endif
	fi
#ifdef FLAG_AFTER_FLUSH
	; STEP(l, store_LOADED, ROOM(T), STORE(T, WORD, LOADED))
#endif
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
	:: DECIDE(l, cmp_exit_word, EXIT_STATE == LOADED)
	:: DECIDE(l, cmp_exit_word, EXIT_STATE != LOADED) ->
		STEP(l, load_exit_word, true, skip);
		STEP(l, store_exit_word, ROOM(T), STORE(T, WORD, EXIT_STATE))
#ifdef EXIT_TWICE
		; STEP(l, store_exit_word, ROOM(T), STORE(T, WORD, EXIT_STATE))
#endif
	fi
#ifdef CR3_COUPLED
	; STEP(l, write_user_cr3, true, kernel_cr3 = 0)
#endif
}

/* Trusted: what was interrupted needs no hook now.  Kept: it needs no store after. */
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
	STEP(l, save_word, true, saved[l] = SEEN);
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
		STEP(l, load_exit_word, true, skip);
		STEP(l, store_exit_word, ROOM(T), STORE(T, WORD, EXIT_STATE))
#ifdef CR3_COUPLED
		; STEP(l, restore_cr3, true, kernel_cr3 = saved[l])
#endif
	fi
}

/*
 * Kernel code behind the hook: it may use any address, fetch any instruction.  All
 * at once, for the walker can have filled any of them before.
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
	VIOLATION(OWED_LOST, pending, pending_lost);
	VIOLATION(WORD_WRONG, SEEN != LOADED, kernel_code_without_LOADED)
}

/*
 * What an interrupt's handler does for initiator i.  Each way is serialising; a flush
 * of one address drops no other, that of all drops pages (INVPCID, say), and what
 * was prefetched of text is dropped by sync_core().
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

#ifdef DEAF			/* interrupts stay off in user mode */
#define INTERRUPTED	false
#else
#define INTERRUPTED	(ipi[1] || ipi[2] || THIRD(ipi[3]))
#endif
#define ANSWER(i)									\
	STEP(0, flush_for_sender, ipi[i] && DRAINED(T), flush_for(i)) ->		\
	STEP(0, acknowledge, ROOM(T), STORE(T, ACK(i), 1))

/* A lock-free walk of page tables, in one level; others may walk inside it. */
#ifdef TABLE
#define READ_BY(l)	(l == 0 -> TABLE : SENDERS + l)		/* where cached[] has it */
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
#if SENDERS > 1
	:: ANSWER(2)
#endif
#if SENDERS > 2
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
	     VIOLATION(WORD_WRONG, EXIT_STATE != LOADED && (SEEN & LOADED), user_mode_with_LOADED));
	goto end_user
}

/* NMI (l = 1) in the kernel, before and behind the hooks too; #MC or #DB in it (2). */
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
 * The page walker, or for text the prefetcher: at any time, in any mode, by what
 * memory has.
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
