// SPDX-License-Identifier: GPL-2.0
/*
 * Plugin for QEMU's TCG: how many instructions a CPU executes in the kernel between an
 * entry from user mode and the return, and how many of them flush.
 *
 *	-plugin count_insns.so,out=FILE,text=START-END
 *
 * FILE gets a line for every kind of stay in the kernel, separated by blanks:
 *
 *	VCPU LABEL ENTRY INSTRUCTIONS IN-TEXT FLUSHES TIMES
 *
 * ENTRY is the address of the first instruction, in hexadecimal.  IN-TEXT is the number
 * of instructions between START and END, in hexadecimal too: the entry text, where
 * every stay of one kind takes the same path, whatever the kernel does.  LABEL is the
 * label that the program in user mode set last, by a no-operation with displacement
 * COST_LABEL + LABEL (cost.h); stays with label 0 are left out.  FLUSHES is the number
 * of instructions of IN-TEXT that write CR3 or CR4, INVLPG and INVPCID; flushes of the
 * kernel after the entry do not count.
 *
 * An interrupt inside a stay is part of it: of many stays of one kind, use the shortest
 * or the most frequent.  For -accel tcg,thread=single: nothing here is locked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "insn.h"
#include "qemu-plugin.h"

#define MAX_VCPUS	64
#define MAX_STAYS	(1 << 20)

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/**
 * struct insn - what is known of an instruction when it is translated
 * @address: where it is
 * @in_text: it is in the entry text
 * @flushes: it removes TLB entries, in the entry text
 */
struct insn {
	uint64_t address;
	bool in_text;
	bool flushes;
};

/**
 * struct stay - a stay in the kernel, and a slot of the table of them
 * @entry: address of the first instruction, 0 for an empty slot
 * @instructions: instructions that were executed
 * @in_text: those in the entry text
 * @flushes: those in the entry text that remove TLB entries
 * @vcpu: the virtual CPU
 * @label: the label
 * @times: how often an equal stay was seen
 */
struct stay {
	uint64_t entry;
	uint64_t instructions;
	uint32_t in_text;
	uint32_t flushes;
	uint16_t vcpu;
	uint16_t label;
	uint64_t times;
};

static struct stay stays[MAX_STAYS];
static uint64_t lost;
static struct stay now[MAX_VCPUS];
static uint16_t labels[MAX_VCPUS];
static const char *path;
static uint64_t text_start, text_end;

static bool same(const struct stay *a, const struct stay *b)
{
	return a->entry == b->entry && a->instructions == b->instructions &&
	       a->in_text == b->in_text && a->flushes == b->flushes && a->vcpu == b->vcpu &&
	       a->label == b->label;
}

static void record(const struct stay *stay)
{
	uint64_t hash = stay->entry ^ stay->instructions * 0x9e3779b97f4a7c15ULL ^
			(uint64_t)stay->flushes << 40 ^ (uint64_t)stay->in_text << 28 ^
			(uint64_t)stay->vcpu << 20 ^ stay->label;
	uint32_t i, slot = (hash ^ hash >> 32) % MAX_STAYS;

	for (i = 0; i < MAX_STAYS; i++, slot = (slot + 1) % MAX_STAYS) {
		if (!stays[slot].entry)
			stays[slot] = *stay;
		if (same(&stays[slot], stay)) {
			stays[slot].times++;
			return;
		}
	}
	lost++;
}

static void in_kernel(unsigned int vcpu, void *data)
{
	struct stay *stay = &now[vcpu];
	const struct insn *insn = data;

	if (!stay->entry)
		*stay = (struct stay){
			.entry = insn->address, .vcpu = vcpu, .label = labels[vcpu],
		};
	stay->instructions++;
	stay->in_text += insn->in_text;
	stay->flushes += insn->flushes;
}

static void in_user_mode(unsigned int vcpu, void *data)
{
	struct stay *stay = &now[vcpu];

	if (stay->entry && stay->label)
		record(stay);
	stay->entry = 0;
}

static void at_label(unsigned int vcpu, void *data)
{
	in_user_mode(vcpu, NULL);
	labels[vcpu] = (uintptr_t)data;
}

/* The label of a marker, 0 to 255; -1: another instruction */
static int label_of(const uint8_t *code, size_t size)
{
	uint32_t displacement;

	if (size != 7 || code[0] != 0x0f || code[1] != 0x1f || code[2] != 0x80)
		return -1;
	memcpy(&displacement, code + 3, sizeof(displacement));
	return (displacement & ~0xffU) == COST_LABEL ? (int)(displacement & 0xff) : -1;
}

static void watch(struct qemu_plugin_insn *handle, bool first)
{
	const uint8_t *code = qemu_plugin_insn_data(handle);
	size_t size = qemu_plugin_insn_size(handle);
	uint64_t address = qemu_plugin_insn_vaddr(handle);
	struct insn *insn;
	int label;

	if (!(address & KERNEL)) {
		label = label_of(code, size);
		if (label >= 0)
			qemu_plugin_register_vcpu_insn_exec_cb(handle, at_label,
							       QEMU_PLUGIN_CB_NO_REGS,
							       (void *)(uintptr_t)label);
		else if (first)
			qemu_plugin_register_vcpu_insn_exec_cb(handle, in_user_mode,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
		return;
	}
	insn = malloc(sizeof(*insn));
	if (!insn)
		abort();
	insn->address = address;
	insn->in_text = address >= text_start && address < text_end;
	insn->flushes = insn->in_text && removes_translations(code, size);
	qemu_plugin_register_vcpu_insn_exec_cb(handle, in_kernel, QEMU_PLUGIN_CB_NO_REGS, insn);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	for (i = 0; i < n; i++)
		watch(qemu_plugin_tb_get_insn(tb, i), i == 0);
}

static void print(qemu_plugin_id_t id, void *data)
{
	FILE *out = fopen(path, "w");
	uint32_t i;

	if (!out) {
		perror(path);
		return;
	}
	for (i = 0; i < MAX_STAYS; i++)
		if (stays[i].entry)
			fprintf(out, "%u %u %" PRIx64 " %" PRIu64 " %u %u %" PRIu64 "\n",
				stays[i].vcpu, stays[i].label, stays[i].entry,
				stays[i].instructions, stays[i].in_text, stays[i].flushes,
				stays[i].times);
	if (lost)
		fprintf(out, "lost %" PRIu64 "\n", lost);
	fclose(out);
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv)
{
	if (argc != 2 || strncmp(argv[0], "out=", 4) ||
	    sscanf(argv[1], "text=%" SCNx64 "-%" SCNx64, &text_start, &text_end) != 2) {
		fprintf(stderr, "usage: -plugin count_insns.so,out=FILE,text=START-END\n");
		return -1;
	}
	if (!info->system_emulation || info->system.max_vcpus > MAX_VCPUS) {
		fprintf(stderr, "count_insns: at most %d CPUs\n", MAX_VCPUS);
		return -1;
	}
	path = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, print, NULL);
	return 0;
}
