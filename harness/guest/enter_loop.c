// SPDX-License-Identifier: GPL-2.0
/*
 * Enters the kernel as often as it can, by the ways that need no preparation: system
 * call, software interrupt, page fault.  "pinned" runs it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define I386_GETPPID	64

/* The entry of 32-bit programs, with their system call numbers. */
static long software_interrupt(long number)
{
	long result;

	asm volatile("int $0x80" : "=a" (result) : "0" (number) : "memory", "r8", "r9", "r10",
		     "r11");
	return result;
}

/* Two faults: one maps the zero page, one a page of its own. */
static bool fault_twice(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || __atomic_load_n(page, __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(page, 1, __ATOMIC_RELAXED);
	return !munmap(page, 4096);
}

int main(int argc, char **argv)
{
	long i, rounds = argc == 2 ? atol(argv[1]) : 0;

	if (rounds <= 0) {
		fprintf(stderr, "usage: %s ROUNDS\n", argv[0]);
		return 2;
	}

	for (i = 0; i < rounds; i++)
		if (software_interrupt(I386_GETPPID) != syscall(SYS_getppid) || !fault_twice())
			return 1;
	return 0;
}
