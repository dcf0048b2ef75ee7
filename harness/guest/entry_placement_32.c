// SPDX-License-Identifier: GPL-2.0
/*
 * The 32-bit target of the placement test: enters the kernel by the instructions that
 * only 32-bit programs have.  It uses no C library, so that no 32-bit one is needed.
 * entry_placement.c starts it with the box and the oracle open.
 */
#include "entry_placement.h"

#define NR_EXIT		1
#define NR_GETPPID	64
#define NR_IOCTL	54
#define NR_MMAP2	192
#define NR_RT_SIGACTION	174
#define SIGTRAP		5
#define SA_SIGINFO	4
#define TF		0x100

/* Of i386's struct ucontext */
#define UCONTEXT_FLAGS	84

static int int80(int nr, long a, long b, long c, long d, long e)
{
	int ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "a" (nr), "b" (a), "c" (b), "d" (c), "S" (d), "D" (e) : "memory");
	return ret;
}

/*
 * The kernel returns into the vDSO, after its own SYSENTER, where the three registers
 * are popped and "ret" comes back here.
 */
static void by_sysenter(void)
{
	int nr = NR_GETPPID;

	asm volatile("call 1f\n\t"
		     "jmp 2f\n"
		     "1: push %%ecx; push %%edx; push %%ebp\n\t"
		     "mov %%esp, %%ebp\n\t"
		     "sysenter\n"
		     "2:" : "+a" (nr) : : "memory", "cc");
}

static void by_sysenter_tf(void)
{
	int nr = NR_GETPPID;

	asm volatile("call 1f\n\t"
		     "jmp 2f\n"
		     "1: push %%ecx; push %%edx; push %%ebp\n\t"
		     "mov %%esp, %%ebp\n\t"
		     "pushf\n\t"
		     "orl %1, (%%esp)\n\t"
		     "popf\n\t"
		     "sysenter\n"
		     "2:" : "+a" (nr) : "i" (TF) : "memory", "cc");
}

static void by_syscall(void)
{
	int nr = NR_GETPPID;

	asm volatile("call 1f\n\t"
		     "jmp 2f\n"
		     "1: push %%ecx; push %%edx; push %%ebp\n\t"
		     "mov %%ecx, %%ebp\n\t"
		     "syscall\n"
		     "2:" : "+a" (nr) : : "memory", "cc");
}

/* The trap flag comes back from SYSENTER with the user's flags. */
static void on_trap(int sig, void *info, char *context)
{
	*(unsigned int *)(context + UCONTEXT_FLAGS) &= ~TF;
}

static void handle_trap(void)
{
	/* Without SA_RESTORER the vDSO has the return. */
	struct {
		void (*handler)(int sig, void *info, char *context);
		unsigned long flags;
		void (*restorer)(void);
		unsigned long long mask;
	} action = { .handler = on_trap, .flags = SA_SIGINFO };

	int80(NR_RT_SIGACTION, SIGTRAP, (long)&action, 0, sizeof(action.mask), 0);
}

static void enter(unsigned int method)
{
	switch (method) {
	case PLACEMENT_BY_SYSENTER:
		by_sysenter();
		break;
	case PLACEMENT_BY_SYSCALL32:
		by_syscall();
		break;
	case PLACEMENT_BY_SYSENTER_TF:
		by_sysenter_tf();
		break;
	}
}

/* mmap2() takes six arguments, the last in %ebp. */
static struct box *map_box(void)
{
	void *p;

	asm volatile("push %%ebp\n\t"
		     "xorl %%ebp, %%ebp\n\t"
		     "int $0x80\n\t"
		     "pop %%ebp"
		     : "=a" (p)
		     : "a" (NR_MMAP2), "b" (0), "c" (4096), "d" (3 /* read, write */),
		       "S" (1 /* shared */), "D" (BOX_FD)
		     : "memory");
	return p;
}

void _start(void)
{
	struct box *box = map_box();
	struct oracle_state state;
	unsigned int served;

	if ((unsigned long)box > -4096UL)
		int80(NR_EXIT, 1, 0, 0, 0, 0);
	handle_trap();
	for (served = box->done;;) {
		while (box->asked == served)
			asm volatile("pause");
		enter(box->method);
		if (int80(NR_IOCTL, ORACLE_FD, ORACLE_READ, (long)&state, 0, 0))
			int80(NR_EXIT, 2, 0, 0, 0, 0);
		box->seen = state.seen;
		box->done = ++served;
	}
}
