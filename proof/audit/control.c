// SPDX-License-Identifier: GPL-2.0
/*
 * Break the kernel in memory, so that a rule can be seen to fail without a build.
 *
 *	SYMBOL|NTH|TEXT|BYTES
 *
 * puts BYTES (hexadecimal, or "nop") over the NTH instruction from SYMBOL on
 * whose text begins with TEXT, filled up with NOPs.
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

#define SEARCH	2048

static struct decoded *find_insn(uint64_t *addr, const char *text, int nth)
{
	for (uint64_t end = *addr + SEARCH; *addr < end;) {
		struct decoded *insn = decode(*addr);

		if (!insn)
			break;
		if (!strncmp(insn->text, text, strlen(text)) && !--nth)
			return insn;
		*addr += insn->size;
	}
	return NULL;
}

static unsigned int parse_bytes(const char *hex, uint8_t *bytes, unsigned int max)
{
	unsigned int n = 0, v;

	for (; *hex; hex += 2) {
		if (n == max || sscanf(hex, "%2x", &v) != 1 || !hex[1])
			die("%s: not at most %u bytes in hexadecimal", hex, max);
		bytes[n++] = v;
	}
	return n;
}

/**
 * control_change() - Change one instruction of the image
 * @change: which, and into what
 */
void control_change(const char *change)
{
	char *copy = strdup(change), *symbol, *nth, *text, *hex;
	struct decoded *insn;
	uint8_t bytes[64];
	unsigned int n = 0;
	uint64_t addr;

	symbol = strtok(copy, "|");
	nth = strtok(NULL, "|");
	text = strtok(NULL, "|");
	hex = strtok(NULL, "|");
	if (!hex)
		die("%s: not SYMBOL|NTH|TEXT|BYTES", change);
	addr = symbol_addr(symbol);
	insn = find_insn(&addr, text, atoi(nth));
	if (!insn)
		die("%s: no such instruction", change);
	memset(bytes, 0x90, sizeof(bytes));
	if (strcmp(hex, "nop"))
		n = parse_bytes(hex, bytes, sizeof(bytes));
	if (n > insn->size)
		die("%s: longer than %s", change, insn->text);
	image_change(addr, bytes, insn->size);
	decode_reset();
	free(copy);
}
