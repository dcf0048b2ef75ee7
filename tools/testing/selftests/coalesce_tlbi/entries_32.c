// SPDX-License-Identifier: GPL-2.0
/*
 * The 32-bit process of the entry tests: enters the kernel by INT 80, SYSENTER or
 * SYSCALL, as its box asks.  It uses no C library, so a 64-bit compiler builds it.
 *
 * SYSENTER and SYSCALL return into the 32-bit vDSO, after its own instruction, where
 * three registers are popped.  The asm below pushes them and reaches the instruction
 * by a call, so that the vDSO returns here.
 */
#include "isolated_box.h"
#include "test_modules/coalesce_tlbi_oracle.h"

#define NR_EXIT		1
#define NR_IOCTL	54
#define NR_GETPPID	64
#define NR_MMAP2	192

#define PROT_RW		3
#define MAP_SHARED	1

static long int80(long nr, long a, long b, long c, long d, long e)
{
	long ret;

	asm volatile("push %%ebp; xor %%ebp, %%ebp; int $0x80; pop %%ebp"
		     : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c), "S" (d), "D" (e)
		     : "memory");
	return ret;
}

static void enter_by_sysenter(void)
{
	long nr = NR_GETPPID;

	asm volatile("call 1f; jmp 2f\n"
		     "1: push %%ecx; push %%edx; push %%ebp\n"
		     "mov %%esp, %%ebp; sysenter; hlt\n"
		     "2:" : "+a" (nr) : : "ecx", "edx", "memory");
}

static void enter_by_syscall(void)
{
	long nr = NR_GETPPID;

	asm volatile("call 1f; jmp 2f\n"
		     "1: push %%ecx; push %%edx; push %%ebp\n"
		     "mov %%ecx, %%ebp; syscall; hlt\n"
		     "2:" : "+a" (nr) : : "ecx", "edx", "memory");
}

static void serve(struct box *box)
{
	struct oracle_state state;

	switch (box->method) {
	case BOX_READ:
		if (int80(NR_IOCTL, BOX_ORACLE_FD, ORACLE_READ, (long)&state, 0, 0))
			int80(NR_EXIT, 1, 0, 0, 0, 0);
		box->seen = state.seen;
		break;
	case BOX_INT80:
		int80(NR_GETPPID, 0, 0, 0, 0, 0);
		break;
	case BOX_SYSENTER:
		enter_by_sysenter();
		break;
	case BOX_SYSCALL32:
		enter_by_syscall();
		break;
	}
}

void _start(void)
{
	long addr = int80(NR_MMAP2, 0, sizeof(struct box), PROT_RW, MAP_SHARED, BOX_FD);
	struct box *box = (struct box *)addr;
	unsigned int served = 0;

	/* Errors are the last page of addresses. */
	if ((unsigned long)addr >= -4096UL)
		int80(NR_EXIT, 1, 0, 0, 0, 0);
	for (;;) {
		box_wait(box, served);
		serve(box);
		box_store(&box->done, ++served);
	}
}
