/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine: memory, and the store buffer of each CPU (x86-TSO).
 *
 * A store goes into the buffer of its CPU and from there into memory, in order,
 * at any later time.  A load returns the newest store to its address in its own
 * buffer, else the value in memory.  Locked instructions, fences and serialising
 * instructions wait until the buffer is empty: DRAINED.  A page walk reads memory and
 * no buffer.
 *
 * Values are below 8.  A buffered store is address * 8 + value in one byte.  A CPU
 * waits while its buffer is full; the protocol never has more than two stores in one.
 */
#define DEPTH	3

typedef store_buffer {
	byte n;
	byte slot[DEPTH]		/* oldest first; unused ones are 0 */
};

byte mem[ADDRESSES];
store_buffer sb[CPUS];

#define BUFFERED(c, k, x)	(sb[c].n > k && sb[c].slot[k] / 8 == (x))
#define LOAD(c, x)						\
	(BUFFERED(c, 2, x) -> sb[c].slot[2] % 8 :		\
	(BUFFERED(c, 1, x) -> sb[c].slot[1] % 8 :		\
	(BUFFERED(c, 0, x) -> sb[c].slot[0] % 8 : mem[x])))
#define DRAINED(c)	(sb[c].n == 0)
#define ROOM(c)		(sb[c].n < DEPTH)

inline STORE(c, x, v)
{
	sb[c].slot[sb[c].n] = (x) * 8 + (v);
	sb[c].n = sb[c].n + 1
}

/* The stores of one CPU reach memory. */
proctype memory(byte c)
{
end:	do
	:: d_step {
		sb[c].n > 0 ->
		mem[sb[c].slot[0] / 8] = sb[c].slot[0] % 8;
		sb[c].slot[0] = sb[c].slot[1];
		sb[c].slot[1] = sb[c].slot[2];
		sb[c].slot[2] = 0;
		sb[c].n = sb[c].n - 1;
		SHOW(DRAIN + c, drain);
		CHECK_STATE
	}
	od
}
