/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the placement test and its 32-bit target. */
#ifndef COALESCE_TLBI_PLACEMENT_TARGET_H
#define COALESCE_TLBI_PLACEMENT_TARGET_H

#include <stdatomic.h>

#include "coalesce_tlbi_oracle.h"
#include "coalesce_tlbi_placement.h"

/* Descriptors that the target starts with. */
#define BOX_FD		10
#define ORACLE_FD	11

/**
 * struct box - how the target is asked
 * @asked: counted up for each entry
 * @method: of that entry, PLACEMENT_BY_...
 * @done: @asked, once the target has read the oracle after it, in user mode
 * @seen: what it read
 */
struct box {
	atomic_uint asked;
	atomic_uint method;
	atomic_uint done;
	atomic_int seen;
};

#endif
