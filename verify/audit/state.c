// SPDX-License-Identifier: GPL-2.0
/*
 * What is known of registers and stacks.
 *
 * A stack address is a region and an offset from the frame in it.  The saved
 * instruction pointer of the frame is at offset 0.
 */
#include <string.h>
#include "audit.h"

/**
 * val_const() - The value of a number
 * @n: the number
 *
 * Return: the value.
 */
struct val val_const(s64 n)
{
	return (struct val) { .kind = VAL_CONST, .n = n };
}

/**
 * val_stack() - The value of an address on a stack
 * @which: the stack
 * @n: offset from the frame
 *
 * Return: the value.
 */
struct val val_stack(enum region which, s64 n)
{
	return (struct val) { .kind = VAL_STACK, .region = which, .n = n };
}

/**
 * slot() - Find a slot of a stack
 * @s: the state
 * @which: the stack
 * @offset: offset from the frame
 *
 * Return: the slot, or NULL if it is not aligned or too far.
 */
struct val *slot(struct state *s, enum region which, s64 offset)
{
	s64 i = offset / 8 - SLOT_LOW;

	if (offset & 7 || i < 0 || i >= SLOTS)
		return NULL;
	return &s->slot[which][i];
}

/**
 * frame_put() - Put an exception frame onto a stack
 * @s: the state
 * @which: the stack
 */
void frame_put(struct state *s, enum region which)
{
	for (int i = FRAME_IP; i <= FRAME_SS; i++)
		*slot(s, which, i * 8) = (struct val) { .kind = VAL_FRAME, .n = i };
}

/**
 * region_name() - The name of a stack
 * @which: the stack
 *
 * Return: its name in verify/audit/rows.
 */
const char *region_name(enum region which)
{
	static const char * const names[] = {
		[HW_STACK] = "entry-stack", [EVENT_STACK] = "event-stack",
		[TASK_STACK] = "task-stack", [TRAMPOLINE] = "trampoline",
		[ESPFIX] = "espfix", [HANDLER_STACK] = "handler-stack",
	};

	return names[which];
}

/**
 * region_named() - Find a stack by its name
 * @name: its name in verify/audit/rows
 *
 * Return: the stack.
 */
enum region region_named(const char *name)
{
	for (int i = 0; i < REGIONS; i++)
		if (!strcmp(region_name(i), name))
			return i;
	die("verify/audit/rows: no stack %s", name);
}
