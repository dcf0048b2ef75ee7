// SPDX-License-Identifier: GPL-2.0
/*
 * The text as apply_alternatives() leaves it on a CPU with given features.
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

#define ALT_ENTRY_SIZE	14
#define ALT_FLAG_NOT	1

static struct alt *alts;
static size_t nr_alts;

/**
 * alternatives_read() - Read .altinstructions of the image
 */
void alternatives_read(void)
{
	u64 start, size;
	const u8 *p = image_section(".altinstructions", &start, &size);

	if (!p)
		die("no .altinstructions");
	if (size % ALT_ENTRY_SIZE)
		die(".altinstructions: not a multiple of %d bytes: another struct alt_instr?",
		    ALT_ENTRY_SIZE);
	nr_alts = size / ALT_ENTRY_SIZE;
	alts = xcalloc(nr_alts, sizeof(*alts));
	for (size_t i = 0; i < nr_alts; i++, p += ALT_ENTRY_SIZE) {
		u64 addr = start + i * ALT_ENTRY_SIZE;
		s32 site, repl;
		u32 flags;

		memcpy(&site, p, 4);
		memcpy(&repl, p + 4, 4);
		memcpy(&flags, p + 8, 4);
		alts[i] = (struct alt) {
			.site = addr + site,
			.repl = addr + 4 + repl,
			.feature = flags & 0xffff,
			.not = flags >> 16 & ALT_FLAG_NOT,
			.len = p[12],
			.repl_len = p[13],
		};
		if (alts[i].feature >= MAX_FEATURES || !image_is_text(alts[i].site))
			die(".altinstructions: entry %zu makes no sense", i);
	}
	/* As apply_alternatives() does: one length for all entries of a site. */
	for (size_t i = 0; i < nr_alts; i++)
		for (size_t j = i + 1; j < nr_alts && alts[j].site == alts[i].site; j++) {
			if (alts[j].len > alts[i].len)
				alts[i].len = alts[j].len;
			alts[j].len = alts[i].len;
		}
}

/**
 * alternatives() - All entries of .altinstructions
 * @list: set to the first
 *
 * Return: their number.
 */
size_t alternatives(const struct alt **list)
{
	*list = alts;
	return nr_alts;
}

static bool rip_relative(const cs_insn *insn)
{
	for (int i = 0; i < insn->detail->x86.op_count; i++)
		if (insn->detail->x86.operands[i].type == X86_OP_MEM &&
		    insn->detail->x86.operands[i].mem.base == X86_REG_RIP)
			return true;
	return false;
}

/* Jumps out of the replacement, and operands relative to RIP */
static void relocate(u8 *buf, const struct alt *alt, size_t off, cs_insn *insn)
{
	const cs_x86_encoding *enc = &insn->detail->x86.encoding;
	s64 delta = alt->repl - alt->site;
	u8 at, len;
	s32 v = 0;
	s64 to;

	if (insn_relative(insn)) {
		at = enc->imm_offset;
		len = enc->imm_size;
	} else if (enc->disp_offset && rip_relative(insn)) {
		at = enc->disp_offset;
		len = enc->disp_size;
	} else {
		return;
	}
	memcpy(&v, buf + off + at, len);
	if (len == 1)
		v = (int8_t)v;
	to = (s64)off + insn->size + v;
	if (to >= 0 && to <= (s64)alt->repl_len)
		return;
	v += delta;
	if (len == 1 && v != (int8_t)v)
		die("%s: a short jump out of an alternative", symbol_text(alt->site, false));
	memcpy(buf + off + at, &v, len);
}

static void apply(const struct alt *alt)
{
	u8 *site = image_bytes(alt->site, alt->len);
	u8 *repl = image_bytes(alt->repl, alt->repl_len);
	u8 buf[256];

	if (!site || (alt->repl_len && !repl) || alt->repl_len > alt->len)
		die("%s: an alternative makes no sense", symbol_text(alt->site, false));
	memset(buf, 0x90, sizeof(buf));
	memcpy(buf, repl, alt->repl_len);
	for (size_t off = 0; off < alt->repl_len;) {
		cs_insn *insn;

		/* The walk reports bytes that cannot be decoded, if it reaches them. */
		if (!decode_raw(alt->repl + off, buf + off, alt->repl_len - off, &insn))
			break;
		relocate(buf, alt, off, insn);
		off += insn->size;
		cs_free(insn, 1);
	}
	memcpy(site, buf, alt->len);
}

/**
 * alternatives_apply() - Patch the text as apply_alternatives() does
 * @features: the features that the CPU has
 */
void alternatives_apply(const bool *features)
{
	image_reset();
	decode_reset();
	for (size_t i = 0; i < nr_alts; i++)
		if (features[alts[i].feature] != alts[i].not)
			apply(&alts[i]);
}
