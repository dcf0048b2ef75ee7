/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An initiator: call_or_defer() and state_needs_ipi() of coalesce_tlbi.c, step by
 * step.  The caller runs as CPU i; "now" is a variable of its own.
 *
 * The rest of an initiator's kernel code is left out: it is asked nothing by the others.
 */

#define INITIATOR(i, name, condition, action)	\
	d_step {				\
		(condition) ->			\
		action;				\
		COUNT_SENDER(name, #condition)	\
		SHOW(SENDER_0 + i, name);	\
		CHECK_WORD			\
	}

/* A failed cmpxchg has read what was there: no third value is left to try. */
inline state_needs_ipi(i)
{
	if
	:: INITIATOR(i, read_word, LOAD(i, WORD) & LOADED, now = 1)
	:: INITIATOR(i, read_word, LOAD(i, WORD) == FLUSH_PENDING, now = 0; pending = 1)
	:: INITIATOR(i, read_word, LOAD(i, WORD) == 0, skip) ->
#if defined LEAVES_NOTHING
		INITIATOR(i, defer, true, now = 0; pending = 1)
#elif defined NO_CMPXCHG
		INITIATOR(i, store_FLUSH_PENDING, ROOM(i), STORE(i, WORD, FLUSH_PENDING); now = 0; pending = 1)
#else
		if
		:: INITIATOR(i, cmpxchg_FLUSH_PENDING, DRAINED(i) && mem[WORD] == 0,
			  mem[WORD] = FLUSH_PENDING; now = 0; pending = 1)
		:: INITIATOR(i, cmpxchg_FLUSH_PENDING, DRAINED(i) && mem[WORD] & LOADED, now = 1)
		:: INITIATOR(i, cmpxchg_FLUSH_PENDING, DRAINED(i) && mem[WORD] == FLUSH_PENDING, now = 0; pending = 1)
		fi
#endif
	fi
}

/*
 * The call of the others: a locked instruction puts it into their queues.  Its
 * handler flushes the range, or everything.
 */
inline interrupt_and_wait(i)
{
	if
	:: INITIATOR(i, interrupt_for_range, DRAINED(i), mem[ACK(i)] = 0; ipi[i] = OWN)
	:: INITIATOR(i, interrupt_for_all, DRAINED(i) && IS_PAGE(i), mem[ACK(i)] = 0; ipi[i] = EVERY)
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
	:: now -> interrupt_and_wait(i)
	:: else
	fi
}

/*
 * The flush of address x has returned.  Whatever still has the old entry is stale:
 * the target, and memory if the clear waits in a buffer yet.
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
