// SPDX-License-Identifier: GPL-2.0
/*
 * Break the kernel in memory, to see a rule fail without a build.
 *
 *	SYMBOL|NTH|TEXT|CODE	puts CODE over the NTH instruction after SYMBOL whose
 *				text begins with TEXT
 *	SYMBOL=OTHER		moves a label to where another is
 *
 * CODE is hexadecimal, with .. for a byte that stays; or "nop"; or "jmp SYMBOL"; or
 * "site", which adds the address to the sites that are patched at run time.  The
 * rest of the instructions under it becomes NOPs; after a * it stays.
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

#define SEARCH		2048
#define MAX_CODE	32

static struct decoded *find_insn(u64 *addr, const char *text, int nth)
{
	for (u64 end = *addr + SEARCH; *addr < end;) {
		struct decoded *insn = decode(*addr);

		if (!insn)
			break;
		if (!strncmp(insn->text, text, strlen(text)) && !--nth)
			return insn;
		*addr += insn->size;
	}
	return NULL;
}

/* Put CODE into @bytes, which are those at @addr; return its length. */
static unsigned int assemble(const char *code, u64 addr, u8 *bytes)
{
	unsigned int n = 0, v;
	s32 to;

	if (!strcmp(code, "nop"))
		return 0;
	if (!strncmp(code, "jmp ", 4)) {
		to = symbol_addr(code + 4) - (addr + 5);
		bytes[0] = 0xe9;
		memcpy(bytes + 1, &to, 4);
		return 5;
	}
	for (; *code && *code != '*'; code += 2, n++) {
		if (n == MAX_CODE || (strncmp(code, "..", 2) && sscanf(code, "%2x", &v) != 1))
			die("%s: not at most %u bytes in hexadecimal", code, MAX_CODE);
		if (*code != '.')
			bytes[n] = v;
	}
	return n;
}

static void change_insn(char *change)
{
	char *symbol = strtok(change, "|"), *nth = strtok(NULL, "|");
	char *text = strtok(NULL, "|"), *code = strtok(NULL, "|");
	u8 bytes[MAX_CODE + 16];
	struct decoded *insn;
	unsigned int n, len;
	u64 addr;

	if (!code)
		die("%s: not SYMBOL|NTH|TEXT|CODE", symbol);
	addr = symbol_addr(symbol);
	insn = find_insn(&addr, text, atoi(nth));
	if (!insn)
		die("%s: no instruction %s %s", symbol, nth, text);
	if (!strcmp(code, "site")) {
		image_add_site(addr);
		return;
	}
	memcpy(bytes, image_bytes(addr, sizeof(bytes)), sizeof(bytes));
	n = assemble(code, addr, bytes);
	for (len = insn->size; len < n; len += insn->size) {
		insn = decode(addr + len);
		if (!insn)
			die("%s: no room for %s", symbol, code);
	}
	if (!strchr(code, '*'))
		memset(bytes + n, 0x90, len - n);
	image_change(addr, bytes, len);
	decode_reset();
}

/**
 * break_kernel() - Break the kernel in memory
 * @change: SYMBOL|NTH|TEXT|CODE or SYMBOL=OTHER
 */
void break_kernel(const char *change)
{
	char *copy = strdup(change), *other = strchr(copy, '=');

	if (other && !strchr(copy, '|')) {
		*other++ = 0;
		symbol_move(copy, symbol_addr(other));
	} else {
		change_insn(copy);
	}
	free(copy);
}
