/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions, as the plugins tell them apart.
 */
#ifndef PLUGIN_INSN_H
#define PLUGIN_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* This bit is set in addresses of the kernel. */
#define KERNEL		(1ULL << 63)

static inline size_t prefixes(const uint8_t *code, size_t size)
{
	size_t n = 0;

	while (n < size && (code[n] == 0x66 || code[n] == 0x2e || code[n] == 0x3e ||
			    code[n] == 0x65 || (code[n] & 0xf0) == 0x40))
		n++;
	return n;
}

/**
 * removes_translations() - Is this a write to CR3 or CR4, INVLPG or INVPCID?
 * @code: an instruction, with the prefixes that the kernel uses
 * @size: its length
 *
 * Return: true if it is.
 */
static inline bool removes_translations(const uint8_t *code, size_t size)
{
	size_t n = prefixes(code, size);

	code += n;
	size -= n;
	if (size < 3 || code[0] != 0x0f)
		return false;
	if (code[1] == 0x22)
		return (code[2] >> 3 & 7) == 3 || (code[2] >> 3 & 7) == 4;
	if (code[1] == 0x01)
		return code[2] >> 6 != 3 && (code[2] >> 3 & 7) == 7;
	return size > 3 && code[1] == 0x38 && code[2] == 0x82;
}

/**
 * returns_to_user() - Is this IRET, SYSRET or SYSEXIT?
 * @code: an instruction
 * @size: its length
 *
 * Return: true if it is; an IRET may return to the kernel as well.
 */
static inline bool returns_to_user(const uint8_t *code, size_t size)
{
	size_t n = prefixes(code, size);

	code += n;
	size -= n;
	if (size == 1)
		return code[0] == 0xcf;
	return size == 2 && code[0] == 0x0f && (code[1] == 0x07 || code[1] == 0x35);
}

/* Opcodes of two bytes; @code is the second */
static inline bool two_bytes_end_block(const uint8_t *code, size_t size)
{
	switch (code[0]) {
	case 0x00:		/* LLDT, LTR; not VERW */
		return size > 1 && (code[1] >> 3 & 7) < 4;
	case 0x38:		/* INVPCID */
		return size > 1 && code[1] == 0x82;
	case 0x01:		/* LGDT, INVLPG, SWAPGS ... */
	case 0x05 ... 0x0b:	/* SYSCALL, CLTS, SYSRET, INVD, UD2 */
	case 0x20 ... 0x23:	/* MOV of control and debug registers */
	case 0x30 ... 0x35:	/* WRMSR, RDTSC, SYSENTER, SYSEXIT */
	case 0x80 ... 0x8f:	/* Jcc */
	case 0xa1 ... 0xa2:	/* POP %fs, CPUID */
	case 0xa9:		/* POP %gs */
	case 0xae:		/* XRSTOR ... */
	case 0xb2:		/* LSS, LFS, LGS */
	case 0xb4 ... 0xb5:
	case 0xc7:		/* XRSTORS ... */
		return true;
	}
	return false;
}

/**
 * ends_block() - Does QEMU end a block with this instruction?
 * @code: an instruction
 * @size: its length
 *
 * Jumps, calls, returns, and instructions that change how code is translated.  QEMU 7.2
 * does not remove the memory callbacks of such an instruction: they are called for
 * accesses of others, and may be freed by then (8.0 is right).
 *
 * Return: true if it may.
 */
static inline bool ends_block(const uint8_t *code, size_t size)
{
	size_t n = prefixes(code, size);

	while (n < size && (code[n] == 0xf2 || code[n] == 0xf3 || (code[n] & 0xf0) == 0x40))
		n++;
	code += n;
	size -= n;
	if (!size)
		return true;
	switch (code[0]) {
	case 0x0f:
		return size == 1 || two_bytes_end_block(code + 1, size - 1);
	case 0x6c ... 0x6f:	/* INS, OUTS */
	case 0x70 ... 0x7f:	/* Jcc */
	case 0x8e:		/* MOV to a segment register */
	case 0x90:		/* PAUSE */
	case 0x9d:		/* POPF */
	case 0xa4 ... 0xa7:	/* MOVS, CMPS, STOS, LODS, SCAS, with a prefix */
	case 0xaa ... 0xaf:
	case 0xc2 ... 0xc3:	/* RET */
	case 0xca ... 0xcf:	/* far RET, INT, IRET */
	case 0xe0 ... 0xef:	/* LOOP, JMP, CALL, IN, OUT */
	case 0xf1:
	case 0xf4:		/* HLT */
	case 0xfa ... 0xfb:	/* CLI, STI */
		return true;
	case 0xff:		/* CALL, JMP */
		return size > 1 && (code[1] >> 3 & 7) >= 2 && (code[1] >> 3 & 7) <= 5;
	}
	return false;
}

#endif
