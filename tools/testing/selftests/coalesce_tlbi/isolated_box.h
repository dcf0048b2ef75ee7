/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory through which a test asks the process on an isolated CPU to enter the
 * kernel, so that asking takes no system call there.  Shared by 64-bit and 32-bit
 * programs.
 */
#ifndef COALESCE_TLBI_ISOLATED_BOX_H
#define COALESCE_TLBI_ISOLATED_BOX_H

/* What a 32-bit process does when asked. */
enum box_method { BOX_READ, BOX_INT80, BOX_SYSENTER, BOX_SYSCALL32 };

/* File descriptors that a 32-bit process inherits. */
#define BOX_FD		3
#define BOX_ORACLE_FD	4

/**
 * struct box - memory shared by a test and the process on an isolated CPU
 * @asked: counted up by the test
 * @done: counted up by the process, from user mode, when it has done so
 * @ping: counted up by the test
 * @pong: set to @ping by the process while it waits, from user mode
 * @turns: counted up by the process while it loops, in user or kernel mode
 * @seen: what an ORACLE_READ found
 * @method: enum box_method, for a 32-bit process
 * @enter: address of the function to call, for a 64-bit one; 0 for ORACLE_READ
 */
struct box {
	unsigned int asked;
	unsigned int done;
	unsigned int ping;
	unsigned int pong;
	unsigned int turns;
	int seen;
	unsigned int method;
	unsigned long long enter;
};

static inline unsigned int box_load(const unsigned int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static inline void box_store(unsigned int *p, unsigned int value)
{
	__atomic_store_n(p, value, __ATOMIC_SEQ_CST);
}

/* Wait in user mode until the test asks for more than @served. */
static inline void box_wait(struct box *box, unsigned int served)
{
	while (box_load(&box->asked) == served) {
		box_store(&box->pong, box_load(&box->ping));
		__builtin_ia32_pause();
	}
}

#endif
