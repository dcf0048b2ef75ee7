// SPDX-License-Identifier: GPL-2.0
/*
 * What is known of registers and stacks.
 *
 * A stack is known by its region and by the distance from the frame in it: the
 * saved instruction pointer is at 0, whoever put it there.
 */
#include <stdlib.h>
#include "audit.h"

/**
 * val_const() - A number
 * @n: the number
 *
 * Return: it as a value.
 */
struct val val_const(s64 n)
{
	return (struct val) { .kind = VAL_CONST, .n = n };
}

/**
 * val_stack() - An address on a stack
 * @which: which
 * @n: where
 *
 * Return: it as a value.
 */
struct val val_stack(enum region which, s64 n)
{
	return (struct val) { .kind = VAL_STACK, .region = which, .n = n };
}

/**
 * slot() - What a stack holds
 * @s: the state
 * @which: which stack
 * @offset: where
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
 * frame_put() - Put what the CPU pushed onto a stack
 * @s: the state
 * @which: which stack
 */
void frame_put(struct state *s, enum region which)
{
	for (int i = FRAME_IP; i <= FRAME_SS; i++)
		*slot(s, which, i * 8) = (struct val) { .kind = VAL_FRAME, .n = i };
}

/**
 * region_name() - A stack in words
 * @which: which
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
