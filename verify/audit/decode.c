// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions, by capstone.  An instruction that it does not know is decoded here
 * or is an error: nothing is skipped.
 */
#include <stdlib.h>
#include <string.h>
#include "audit.h"

#define BUCKETS	4096

struct node {
	struct node *next;
	u64 addr;
	struct decoded insn;
};

static struct node *table[BUCKETS];
static csh handle;

static csh capstone(void)
{
	if (!handle && (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK ||
			cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK))
		die("the disassembler cannot be used");
	return handle;
}

/**
 * decode_raw() - Decode bytes
 * @addr: their address
 * @bytes: the bytes
 * @len: their number
 * @insn: set to the instruction, to be given to cs_free()
 *
 * Return: false if they are not an instruction.
 */
bool decode_raw(u64 addr, const u8 *bytes, size_t len, cs_insn **insn)
{
	return cs_disasm(capstone(), bytes, len, addr, 1, insn) == 1;
}

/**
 * insn_relative() - Does an instruction jump or call by an offset?
 * @insn: the instruction
 *
 * Return: true if it does.
 */
bool insn_relative(const cs_insn *insn)
{
	return cs_insn_group(capstone(), insn, CS_GRP_BRANCH_RELATIVE) ||
	       (insn->id == X86_INS_CALL && insn->detail->x86.operands[0].type == X86_OP_IMM);
}

/**
 * decode_reset() - Forget all instructions: the text has changed
 */
void decode_reset(void)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct node *node = table[i], *next;

		for (; node; node = next) {
			next = node->next;
			if (node->insn.cs)
				cs_free(node->insn.cs, 1);
			free(node);
		}
		table[i] = NULL;
	}
}

/* FRED's returns, which capstone 4 does not know */
static bool decode_fred(const u8 *p, struct decoded *insn)
{
	if ((p[0] != 0xf3 && p[0] != 0xf2) || p[1] != 0x0f || p[2] != 0x01 || p[3] != 0xca)
		return false;
	insn->id = p[0] == 0xf3 ? INS_ERETU : INS_ERETS;
	insn->size = 4;
	snprintf(insn->text, sizeof(insn->text), p[0] == 0xf3 ? "eretu" : "erets");
	return true;
}

/**
 * decode() - The instruction at an address
 * @addr: the address
 *
 * Return: the instruction, kept until decode_reset(), or NULL if it is none.
 */
struct decoded *decode(u64 addr)
{
	struct node **head = &table[addr % BUCKETS], *node;
	u8 *bytes = NULL;
	size_t len;

	for (node = *head; node; node = node->next)
		if (node->addr == addr)
			return &node->insn;
	for (len = 15; len && !bytes; len -= !bytes)
		bytes = image_bytes(addr, len);
	if (!bytes || !image_is_text(addr))
		return NULL;
	node = xcalloc(1, sizeof(*node));
	node->addr = addr;
	if (len < 4 || !decode_fred(bytes, &node->insn)) {
		if (!decode_raw(addr, bytes, len, &node->insn.cs)) {
			free(node);
			return NULL;
		}
		node->insn.id = node->insn.cs->id;
		node->insn.size = node->insn.cs->size;
		snprintf(node->insn.text, sizeof(node->insn.text), "%s %s",
			 node->insn.cs->mnemonic, node->insn.cs->op_str);
	}
	node->next = *head;
	*head = node;
	return &node->insn;
}

/**
 * reg_index() - The number of a general register
 * @reg: capstone's name for it or for a part of it
 * @bytes: set to the size of the part
 *
 * Return: 0 to 15, or -1.
 */
int reg_index(unsigned int reg, unsigned int *bytes)
{
	static const unsigned int names[16][5] = {
		{ X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH },
		{ X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH },
		{ X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH },
		{ X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH },
		{ X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL, 0 },
		{ X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL, 0 },
		{ X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, 0 },
		{ X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, 0 },
		{ X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, 0 },
		{ X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, 0 },
		{ X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B, 0 },
		{ X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B, 0 },
		{ X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B, 0 },
		{ X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B, 0 },
		{ X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B, 0 },
		{ X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B, 0 },
	};
	static const unsigned int sizes[5] = { 8, 4, 2, 1, 1 };

	for (int i = 0; reg && i < 16; i++)
		for (int j = 0; j < 5; j++)
			if (names[i][j] == reg) {
				*bytes = sizes[j];
				return i;
			}
	return -1;
}

/**
 * decode_written() - Which registers does an instruction write?
 * @insn: the instruction
 * @written: set by register
 */
void decode_written(const struct decoded *insn, bool written[16])
{
	cs_regs read, write;
	u8 nr_read, nr_write;
	unsigned int bytes;
	int reg;

	memset(written, 0, 16);
	if (!insn->cs)
		return;
	if (cs_regs_access(capstone(), insn->cs, read, &nr_read, write, &nr_write) != CS_ERR_OK)
		die("%s: capstone does not say what it writes", insn->text);
	for (int i = 0; i < nr_write; i++) {
		reg = reg_index(write[i], &bytes);
		if (reg >= 0)
			written[reg] = true;
	}
}
