/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program tells an emulator that counts instructions what it does, by a
 * no-operation whose displacement is COST_LABEL + a number up to 255.
 */
#ifndef COALESCE_TLBI_COST_H
#define COALESCE_TLBI_COST_H

#define COST_LABEL	0x434f5300

/* What the CPU does from now on.  COST_NOTHING is not counted. */
enum cost { COST_NOTHING, COST_SYSCALL, COST_FAULT, COST_TIMER, COST_PURGE };

#endif
