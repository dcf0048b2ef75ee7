/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An initiator: call_or_defer() and state_needs_ipi() of coalesce_tlbi.c, step by
 * step.  The caller runs as CPU i; "now" is a variable of its own.
 *
 * The rest of an initiator's kernel code is left out: no IPI goes to an initiator.
 */

#define INITIATOR(i, name, condition, action)	\
	d_step {				\
		(condition) ->			\
		action;				\
		COUNT_INITIATOR(name, #condition)	\
		SHOW(INITIATOR_0 + i, name);	\
		CHECK_STATE			\
	}

#ifndef DEFERRED
#define DEFERRED	pending = 1
#endif

/*
 * A failed cmpxchg returns the value that it found: there is no third one to try.  What
 * has neither bit is the exit state.
 */
inline state_needs_ipi(i)
{
	if
	:: INITIATOR(i, read_state, LOAD(i, STATE) & LOADED, now = 1)
	:: INITIATOR(i, read_state, !(LOAD(i, STATE) & LOADED) && LOAD(i, STATE) & FLUSH_PENDING,
		     now = 0; DEFERRED)
	:: INITIATOR(i, read_state, !(LOAD(i, STATE) & (LOADED | FLUSH_PENDING)), skip) ->
#if defined LEAVES_NOTHING
		INITIATOR(i, defer, true, now = 0; DEFERRED)
#elif defined NO_CMPXCHG
		INITIATOR(i, store_FLUSH_PENDING, ROOM(i),
			  STORE(i, STATE, EXIT_STATE | FLUSH_PENDING); now = 0; DEFERRED)
#else
		if
		:: INITIATOR(i, cmpxchg_FLUSH_PENDING,
			     DRAINED(i) && !(mem[STATE] & (LOADED | FLUSH_PENDING)),
			     mem[STATE] = mem[STATE] | FLUSH_PENDING; now = 0; DEFERRED)
		:: INITIATOR(i, cmpxchg_FLUSH_PENDING, DRAINED(i) && mem[STATE] & LOADED,
			     now = 1)
		:: INITIATOR(i, cmpxchg_FLUSH_PENDING, DRAINED(i) && !(mem[STATE] & LOADED) &&
			     mem[STATE] & FLUSH_PENDING, now = 0; DEFERRED)
		fi
#endif
	fi
}

/*
 * The IPI: a locked instruction queues it for the target.  Its handler flushes the
 * range, or everything.
 */
inline ipi_and_wait(i)
{
	if
	:: INITIATOR(i, ipi_for_range, DRAINED(i), mem[ACK(i)] = 0; ipi[i] = OWN)
	:: INITIATOR(i, ipi_for_all, DRAINED(i) && IS_PAGE(i), mem[ACK(i)] = 0; ipi[i] = EVERY)
	fi;
	INITIATOR(i, answered, LOAD(i, ACK(i)), skip)
}

inline call_or_defer(i)
{
#ifndef NO_BARRIER
	INITIATOR(i, smp_mb, DRAINED(i), skip);
#endif
	state_needs_ipi(i);
	if
	:: now -> ipi_and_wait(i)
	:: else
	fi
}

/*
 * The flush of address x has returned.  Each copy of the old entry is stale from now
 * on: in the target's TLB, and in memory if the clear still waits in a buffer.
 */
inline becomes_stale(x)
{
	if
	:: cached[x] == VALID -> cached[x] = STALE
	:: else
	fi
}

inline returned(x)
{
	becomes_stale(x);
#ifdef TABLE
	if
	:: x == TABLE -> becomes_stale(READ_BY(1)); becomes_stale(READ_BY(2))
	:: else
	fi;
#endif
	if
	:: mem[x] == VALID -> mem[x] = STALE
	:: else
	fi;
	now = 0
}
