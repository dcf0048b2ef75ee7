// SPDX-License-Identifier: GPL-2.0
/*
 * Plugin for QEMU's TCG: the memory accesses of CPUs that defer in pre-hook entry code,
 * which is everything between an entry from user mode and the end of its hook, between
 * the exit store and user mode, and wherever else kernel code runs while the per-CPU
 * state is not LOADED.
 *
 *	-object memory-backend-memfd,id=ram,size=1G -machine memory-backend=ram
 *	-plugin watch.so,conf=FILE,out=FILE
 *
 * conf has addresses of the kernel (verify/watch/watch.py writes it).  When the guest
 * ends, these lines are appended to out:
 *
 *	layout NAME START SIZE		a range of addresses in this guest
 *	cpu VCPU ENTRIES		a CPU that was watched
 *	path KIND FIRST HOOK FROM FLUSH_DUE FLUSHED RETURN TIMES ACCESSES...
 *	report WHAT CLASS PC ADDRESS VCPU FIRST TIMES
 *	problem WORDS PC VCPU FIRST TIMES
 *	lost PATHS REPORTS		if the tables were too small
 *
 * A path leads to an entry hook, or from an exit hook to user mode.  It has its first
 * instruction, its hook, and its loads and stores by class of address, without those of
 * exceptions that interrupt it.  A report is an access to anything but entry text, this
 * CPU's per-CPU data, the table of per-CPU offsets, coalesce_tlbi_pinned_cr4, the
 * cpu_entry_area, the task's own stack, the espfix area or the loaded LDT; or an
 * instruction outside the entry text.
 * There is one for each instruction and page.
 *
 * Version 1 of the interface cannot read memory, but the guest's memory is a file that
 * this process has mapped: below 3G the offset in it is the physical address.
 *
 * Not seen here:
 * - reads of the page walker
 * - what the CPU reads or pushes by itself when it delivers an exception or interrupt
 * - accesses of instructions that end a block of QEMU (IRET, CALL, RET; ends_block()
 *   says why), end a page, or are a block of their own (single steps)
 * - instructions that are not executed
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "insn.h"
#include "qemu-plugin.h"

#define MAX_VCPUS	64
#define MAX_POINTS	512
#define MAX_PATHS	4096
#define MAX_REPORTS	4096
#define MAX_DEPTH	8

#define PAGE_SIZE	4096ULL
#define GIB		(1ULL << 30)
#define TIB		(1ULL << 40)
#define BANNER		"Linux version "

#define LOADED		1
#define FLUSH		6		/* FLUSH_PENDING, FLUSH_ALWAYS */
#define EXIT_STATE	8		/* KERNEL_CR3_exit_state */
#define GDT_ENTRY_LDT	10

/* Documentation/arch/x86/x86_64/mm.rst, the same with 4 and 5 levels */
#define IMAGE_START	0xffffffff80000000ULL
#define MODULES_END	0xffffffffff000000ULL
#define AREA_START	0xfffffe0000000000ULL
#define ESPFIX_START	0xffffff0000000000ULL
#define ESPFIX_SIZE	(TIB / 2)

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

/* Up to LAST_ALLOWED: the memory that invariant 4 of asm/coalesce_tlbi.h names */
enum class {
	ENTRY_TEXT, PER_CPU, OFFSETS, PINNED_CR4, ENTRY_AREA, STACK, ESPFIX_AREA, LDT,
	LAST_ALLOWED = LDT,
	VMALLOC, VMEMMAP, MODULES, IMAGE, DIRECT, USER, OTHER, N_CLASSES
};

static const char * const classes[] = {
	"text", "per-cpu", "offsets", "pinned-cr4", "entry-area", "stack", "espfix", "ldt",
	"vmalloc", "vmemmap", "modules", "image", "direct", "user", "other",
};

enum kind { ENTER, EXIT, SAVE, RESTORE };

static const char * const kinds[] = { "enter", "exit", "save", "restore" };

/*
 * Where a path to a hook began: in user mode, in pre-hook entry code, or in the kernel
 * with LOADED.  The hook at its end tells user mode from pre-hook entry code: the last
 * executed instruction does not, if a CPU was interrupted before its first instruction
 * in user mode.
 */
enum from { FROM_USER, FROM_PRE_HOOK, FROM_KERNEL };

static const char * const froms[] = { "user", "pre-hook", "kernel" };

/**
 * struct point - a hook, or first instructions of entries
 * @start: the first address
 * @end: the address after the last
 * @kind: of a hook
 * @after_bad_iret: it is the hook of the fixup of a faulting IRET
 * @anywhere: such an entry can interrupt kernel code anywhere, and returns there
 */
struct point {
	uint64_t start, end;
	enum kind kind;
	bool after_bad_iret, anywhere;
};

/**
 * struct path - a path that was taken, and a slot of the table of paths
 * @kind: ENTER and SAVE: to such a hook; EXIT: from it; RESTORE: only that hook
 * @first: address of the first instruction
 * @hook: address of the hook
 * @ret: address of the return instruction of an exit
 * @from: where it began
 * @pending: a flush was due when the hook had set LOADED
 * @flushed: there was a flush on the path
 * @espfix: it touched the espfix area
 * @times: how often it was taken
 * @accesses: loads and stores by class
 */
struct path {
	enum kind kind;
	uint64_t first, hook, ret;
	enum from from;
	bool pending, flushed, espfix;
	uint64_t times;
	uint64_t accesses[N_CLASSES];
};

/**
 * struct stay - the path that a CPU is on
 * @active: it is on one
 * @pushed: the path that it interrupted was pushed
 * @reached: it is an exit whose return instruction was executed
 * @flushes: flushes of this CPU when it began
 * @path: what is known of it so far
 */
struct stay {
	bool active, pushed, reached;
	uint64_t flushes;
	struct path path;
};

/**
 * struct cpu - a virtual CPU, which only its own thread accesses
 * @state: its per-CPU state, in this process; NULL until it defers
 * @base: address of its per-CPU data
 * @user: the last block was in user mode
 * @returned: the last instruction was a return on the path to user mode
 * @resumes: so many of the next returns resume interrupted kernel code
 * @ret: address of the last return instruction
 * @flushes: flushes in hooks
 * @entries: paths to a hook
 * @now: the path that it is on
 * @outer: the paths that this one interrupted
 * @depth: number of @outer
 */
struct cpu {
	const uint64_t *state;
	uint64_t base;
	bool user, returned;
	int resumes;
	uint64_t ret;
	uint64_t flushes, entries;
	struct stay now, outer[MAX_DEPTH];
	int depth;
};

struct report {
	const char *what;
	enum class class;
	uint64_t pc, page, address, first;
	unsigned int vcpu;
	uint64_t times;
};

/* From conf; per-CPU symbols are offsets */
static struct {
	uint64_t text_start, text_end;
	uint64_t image_size;
	uint64_t linux_banner, per_cpu_offset, per_cpu_end, nr_cpus;
	uint64_t page_offset_base, vmalloc_base, vmemmap_base, l5_enabled;
	uint64_t state, unpinned_cr4, pinned_cr4, top_of_stack, gdt_page, espfix_waddr;
	uint64_t thread_size;
	uint64_t exc_nmi, repeat_nmi, nested_nmi_out;
} k;

static const struct {
	const char *name;
	uint64_t *value;
} names[] = {
	{ "text_start", &k.text_start }, { "text_end", &k.text_end },
	{ "image_size", &k.image_size }, { "linux_banner", &k.linux_banner },
	{ "per_cpu_offset", &k.per_cpu_offset }, { "per_cpu_end", &k.per_cpu_end },
	{ "nr_cpus", &k.nr_cpus }, { "page_offset_base", &k.page_offset_base },
	{ "vmalloc_base", &k.vmalloc_base }, { "vmemmap_base", &k.vmemmap_base },
	{ "l5_enabled", &k.l5_enabled }, { "state", &k.state },
	{ "unpinned_cr4", &k.unpinned_cr4 }, { "pinned_cr4", &k.pinned_cr4 },
	{ "top_of_stack", &k.top_of_stack }, { "gdt_page", &k.gdt_page },
	{ "espfix_waddr", &k.espfix_waddr }, { "thread_size", &k.thread_size },
	{ "exc_nmi", &k.exc_nmi }, { "repeat_nmi", &k.repeat_nmi },
	{ "nested_nmi_out", &k.nested_nmi_out },
};

#define N_NAMES		(sizeof(names) / sizeof(names[0]))

static struct point hooks[MAX_POINTS], entries[MAX_POINTS];
static int n_hooks, n_entries;

/* The guest's memory, and its address ranges once the kernel has chosen them */
static const uint8_t *ram;
static uint64_t ram_size;
static uint64_t direct, vmalloc, vmalloc_size, vmemmap, vmemmap_size;

static struct cpu cpus[MAX_VCPUS];
static const char *out_path;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* for the tables */
static struct path paths[MAX_PATHS];
static struct report reports[MAX_REPORTS];
static uint64_t lost_paths, lost_reports;

/* Other CPUs, which are other threads, write it too. */
static uint64_t state_of(const struct cpu *c)
{
	return __atomic_load_n(c->state, __ATOMIC_RELAXED);
}

static bool within(uint64_t address, uint64_t start, uint64_t size)
{
	return address - start < size;
}

/* The guest's memory at a physical address; NULL if there is none. */
static const void *at_physical(uint64_t address, size_t size)
{
	return address < ram_size && ram_size - address >= size ? ram + address : NULL;
}

static uint64_t image_word(uint64_t address)
{
	const uint64_t *p = at_physical(address - IMAGE_START, sizeof(*p));

	return p ? *p : 0;
}

static const void *at_direct(uint64_t address, size_t size)
{
	return at_physical(address - direct, size);
}

static uint64_t direct_word(uint64_t address)
{
	const uint64_t *p = at_direct(address, sizeof(*p));

	return p ? *p : 0;
}

/* The guest's memory has a name of its own among the mappings of this process. */
static bool find_ram(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	uint64_t start, end;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "memfd:memory-backend-memfd"))
			continue;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 && !ram) {
			ram = (const uint8_t *)start;
			ram_size = end - start;
		}
	}
	if (f)
		fclose(f);
	return ram;
}

/* If the banner is where it was linked, the kernel is. */
static bool read_layout(void)
{
	const char *banner = at_physical(k.linux_banner - IMAGE_START, sizeof(BANNER));
	bool l5;

	if (!banner || memcmp(banner, BANNER, sizeof(BANNER) - 1))
		return false;
	l5 = image_word(k.l5_enabled) & 0xffffffff;
	direct = image_word(k.page_offset_base);
	vmalloc = image_word(k.vmalloc_base);
	vmalloc_size = l5 ? 12800 * TIB : 32 * TIB;
	vmemmap = image_word(k.vmemmap_base);
	vmemmap_size = l5 ? 512 * TIB : TIB;
	return true;
}

/* Is this a CPU that defers?  Known once the mode is set. */
static bool find_cpu(unsigned int vcpu)
{
	struct cpu *c = &cpus[vcpu];
	uint64_t base;

	if (vcpu >= k.nr_cpus || !(ram || find_ram()) || !read_layout())
		return false;
	base = image_word(k.per_cpu_offset + vcpu * sizeof(base));
	if (!at_direct(base, k.per_cpu_end))
		return false;
	/* 0: the kernel has not set it to LOADED yet. */
	if (!direct_word(base + k.state) || direct_word(base + k.state + EXIT_STATE) == LOADED ||
	    !direct_word(base + k.top_of_stack))
		return false;
	c->base = base;
	c->state = at_direct(base + k.state, sizeof(*c->state));
	return true;
}

static bool on_stack(const struct cpu *c, uint64_t address)
{
	uint64_t top = direct_word(c->base + k.top_of_stack);

	return within(address, top - k.thread_size, k.thread_size);
}

/* The area itself is read-only.  The kernel writes its alias in the direct map. */
static bool in_espfix(const struct cpu *c, uint64_t address)
{
	uint64_t alias = direct_word(c->base + k.espfix_waddr) & -PAGE_SIZE;

	return within(address, ESPFIX_START, ESPFIX_SIZE) ||
	       (alias && within(address, alias, PAGE_SIZE));
}

/* The base of a system descriptor is scattered over it. */
static bool in_ldt(const struct cpu *c, uint64_t address)
{
	uint64_t gdt = c->base + k.gdt_page + GDT_ENTRY_LDT * 8;
	uint64_t low = direct_word(gdt), high = direct_word(gdt + 8);
	uint64_t base = (low >> 16 & 0xffffff) | (low >> 56) << 24 | high << 32;
	uint64_t limit = (low & 0xffff) | (low >> 32 & 0xf0000);

	return low && within(address, base, limit + 1);
}

static enum class class_of(const struct cpu *c, uint64_t address)
{
	if (address < KERNEL)
		return USER;
	if (within(address, k.text_start, k.text_end - k.text_start))
		return ENTRY_TEXT;
	if (within(address, c->base, k.per_cpu_end))
		return PER_CPU;
	if (within(address, k.per_cpu_offset, k.nr_cpus * 8))
		return OFFSETS;
	if (within(address, k.unpinned_cr4, 8) || within(address, k.pinned_cr4, 8))
		return PINNED_CR4;
	if (within(address, AREA_START, TIB / 2))
		return ENTRY_AREA;
	if (on_stack(c, address))
		return STACK;
	if (in_espfix(c, address))
		return ESPFIX_AREA;
	if (in_ldt(c, address))
		return LDT;
	if (within(address, vmalloc, vmalloc_size))
		return VMALLOC;
	if (within(address, vmemmap, vmemmap_size))
		return VMEMMAP;
	if (within(address, IMAGE_START, k.image_size))
		return IMAGE;
	if (within(address, IMAGE_START + k.image_size,
		   MODULES_END - IMAGE_START - k.image_size))
		return MODULES;
	return within(address, direct, ram_size) ? DIRECT : OTHER;
}

/* Kernel code that runs now may have stale TLB entries. */
static bool in_pre_hook(const struct cpu *c)
{
	return state_of(c) != LOADED || (c->now.active && c->now.path.from != FROM_KERNEL);
}

static bool same_path(const struct path *a, const struct path *b)
{
	return a->kind == b->kind && a->first == b->first && a->hook == b->hook &&
	       a->ret == b->ret && a->from == b->from && a->pending == b->pending &&
	       a->flushed == b->flushed && a->espfix == b->espfix;
}

static void record(struct path *path)
{
	int i, j;

	path->espfix = path->accesses[ESPFIX_AREA];
	pthread_mutex_lock(&lock);
	for (i = 0; i < MAX_PATHS && paths[i].times && !same_path(&paths[i], path); i++)
		;
	if (i == MAX_PATHS) {
		lost_paths++;
	} else if (!paths[i].times) {
		paths[i] = *path;
		paths[i].times = 1;
	} else {
		paths[i].times++;
		for (j = 0; j < N_CLASSES; j++)
			paths[i].accesses[j] += path->accesses[j];
	}
	pthread_mutex_unlock(&lock);
}

static void report(const char *what, enum class class, uint64_t pc, uint64_t address,
		   unsigned int vcpu)
{
	uint64_t page = address & -PAGE_SIZE, first = cpus[vcpu].now.path.first;
	struct report *r = reports;

	pthread_mutex_lock(&lock);
	for (; r < reports + MAX_REPORTS && r->times; r++)
		if (r->what == what && r->class == class && r->pc == pc && r->page == page)
			break;
	if (r == reports + MAX_REPORTS)
		lost_reports++;
	else if (r->times)
		r->times++;
	else
		*r = (struct report){ what, class, pc, page, address, first, vcpu, 1 };
	pthread_mutex_unlock(&lock);
}

static void problem(const char *words, uint64_t pc, unsigned int vcpu)
{
	report(words, N_CLASSES, pc, 0, vcpu);
}

static void begin(struct cpu *c, enum kind kind, uint64_t first, enum from from)
{
	c->now = (struct stay){
		.active = true,
		.flushes = c->flushes,
		.path = { .kind = kind, .first = first, .from = from },
	};
	c->returned = false;
}

/* The interrupted path goes on afterwards; NULL: it was not on a path. */
static void push(struct cpu *c, const struct stay *stay)
{
	if (c->depth < MAX_DEPTH)
		c->outer[c->depth++] = stay ? *stay : (struct stay){ 0 };
}

static void resume(struct cpu *c)
{
	c->resumes++;
	c->now.active = false;
	if (c->depth)
		c->now = c->outer[--c->depth];
}

static bool is_exit(const struct stay *stay)
{
	return stay->active && stay->path.kind == EXIT;
}

static void in_user_mode(unsigned int vcpu, void *data)
{
	struct cpu *c = &cpus[vcpu];

	if (c->user || (!c->state && !find_cpu(vcpu)))
		return;
	if (is_exit(&c->now)) {
		c->now.path.ret = c->now.reached ? c->now.path.ret : c->ret;
		record(&c->now.path);
	} else if (c->returned && state_of(c) & LOADED) {
		problem("user mode with LOADED", c->ret, vcpu);
	} else if (c->returned) {
		problem("user mode by no exit hook", c->ret, vcpu);
	}
	c->now.active = false;
	c->depth = 0;
	c->returned = false;
	c->resumes = 0;
	c->user = true;
}

/* The first instruction of an entry */
static void at_entry(unsigned int vcpu, void *data)
{
	const struct point *entry = data;
	struct cpu *c = &cpus[vcpu];
	bool pre_hook, pushed;

	if (!c->state)
		return;
	pre_hook = !c->user && in_pre_hook(c);
	pushed = pre_hook || (!c->user && entry->anywhere);
	if (pushed) {
		if (is_exit(&c->now) && c->returned) {
			c->now.reached = true;
			c->now.path.ret = c->ret;
		}
		push(c, &c->now);
	}
	begin(c, ENTER, entry->start, c->user ? FROM_USER : pre_hook ? FROM_PRE_HOOK : FROM_KERNEL);
	c->now.pushed = pushed;
	c->user = false;
}

/* After an NMI that came while another one was handled, the handler runs again. */
static void at_repeat(unsigned int vcpu, void *data)
{
	const struct cpu *c = &cpus[vcpu];

	if (!c->now.active || c->now.path.first != k.exc_nmi)
		at_entry(vcpu, data);
}

/* A nested NMI does nothing else. */
static void at_nested(unsigned int vcpu, void *data)
{
	if (cpus[vcpu].state)
		resume(&cpus[vcpu]);
}

/* The first instruction of a block in the kernel that is no entry */
static void in_kernel(unsigned int vcpu, void *data)
{
	struct cpu *c = &cpus[vcpu];
	uint64_t pc = (uintptr_t)data;
	bool in_text = within(pc, k.text_start, k.text_end - k.text_start);

	if (!c->state)
		return;
	/* A CPU that comes up has LOADED since it went down. */
	if (c->user && state_of(c) != LOADED)
		problem("the kernel by no entry", pc, vcpu);
	c->user = false;
	c->returned = false;
	if (!in_text && in_pre_hook(c))
		report("exec", class_of(c, pc), pc, pc, vcpu);
}

static void at_return(unsigned int vcpu, void *data)
{
	struct cpu *c = &cpus[vcpu];

	if (c->resumes) {
		c->resumes--;
		return;
	}
	c->ret = (uintptr_t)data;
	c->returned = true;
}

static void at_flush(unsigned int vcpu, void *data)
{
	cpus[vcpu].flushes++;
}

/*
 * Only an entry from user mode reaches an entry hook, except the fixup of IRET.  So the
 * return before it has reached user mode, even if that was not seen.
 */
static void entered_from_user(struct cpu *c, const struct point *hook)
{
	struct stay *outer = c->depth ? &c->outer[c->depth - 1] : NULL;

	if (hook->after_bad_iret) {
		c->now.path.from = FROM_PRE_HOOK;
	} else {
		c->now.path.from = FROM_USER;
		if (c->now.pushed && outer->reached)
			record(&outer->path);
	}
	c->depth = 0;
}

/* An entry that reaches a paranoid hook is from the kernel, and returns there. */
static void entered_from_kernel(struct cpu *c)
{
	if (c->now.path.from == FROM_USER)
		c->now.path.from = FROM_PRE_HOOK;
	if (!c->now.pushed)
		push(c, NULL);
}

/* The path to a hook ends. */
static void entered(struct cpu *c, const struct point *hook, uint64_t pc, unsigned int vcpu)
{
	struct stay *now = &c->now;

	if (!now->active || is_exit(now)) {
		problem("a hook on no path", pc, vcpu);
		return;
	}
	if (state_of(c) != LOADED)
		problem("not LOADED after the hook", pc, vcpu);
	now->path.flushed = c->flushes != now->flushes;
	if (now->path.pending && !now->path.flushed)
		problem("pending and not flushed", pc, vcpu);
	if (hook->kind == ENTER)
		entered_from_user(c, hook);
	else
		entered_from_kernel(c);
	now->path.kind = hook->kind;
	now->path.hook = hook->start;
	record(&now->path);
	now->active = false;
	c->entries++;
}

static void left(struct cpu *c, const struct point *hook, uint64_t pc, unsigned int vcpu)
{
	struct path path = { .kind = hook->kind, .hook = hook->start, .first = hook->start };

	path.from = state_of(c) & LOADED ? FROM_KERNEL : FROM_PRE_HOOK;
	if (hook->kind == RESTORE) {
		record(&path);
		resume(c);
		return;
	}
	if (path.from == FROM_KERNEL)
		problem("LOADED after the exit hook", pc, vcpu);
	begin(c, EXIT, hook->start, FROM_PRE_HOOK);
	c->now.path.hook = hook->start;
	c->depth = 0;
}

static void after_hook(unsigned int vcpu, void *data)
{
	const struct point *hook = data;
	struct cpu *c = &cpus[vcpu];

	if (!c->state)
		return;
	if (hook->kind == ENTER || hook->kind == SAVE)
		entered(c, hook, hook->end, vcpu);
	else
		left(c, hook, hook->end, vcpu);
}

static const struct point *find(const struct point *points, int n, uint64_t pc)
{
	int i;

	for (i = 0; i < n; i++)
		if (pc >= points[i].start && pc < points[i].end)
			return &points[i];
	return NULL;
}

/* Each instruction of a hook.  A flush is due if LOADED and a FLUSH bit are seen. */
static void in_hook(unsigned int vcpu, void *data)
{
	struct cpu *c = &cpus[vcpu];

	if (c->state && (state_of(c) & LOADED) && (state_of(c) & FLUSH))
		c->now.path.pending = true;
}

static void accessed(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
	struct cpu *c = &cpus[vcpu];
	enum class class;

	if (!c->state || !in_pre_hook(c))
		return;
	class = class_of(c, address);
	if (c->now.active)
		c->now.path.accesses[class]++;
	if (class > LAST_ALLOWED)
		report(qemu_plugin_mem_is_store(info) ? "store" : "load", class, (uintptr_t)data,
		       address, vcpu);
}

static void on_exec(struct qemu_plugin_insn *insn, void (*cb)(unsigned int vcpu, void *data),
		    const void *data)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, QEMU_PLUGIN_CB_NO_REGS, (void *)data);
}

static void watch_block_start(struct qemu_plugin_insn *insn, uint64_t pc)
{
	const struct point *entry;

	if (!(pc & KERNEL)) {
		on_exec(insn, in_user_mode, NULL);
		return;
	}
	entry = find(entries, n_entries, pc);
	if (!entry)
		on_exec(insn, in_kernel, (void *)pc);
	else if (pc != k.repeat_nmi)
		on_exec(insn, at_entry, entry);
}

static void watch_insn(struct qemu_plugin_insn *insn, uint64_t pc, bool alone)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	bool on_page_end = (pc ^ (pc + size)) & -PAGE_SIZE;
	int i;

	if (pc == k.nested_nmi_out)
		on_exec(insn, at_nested, NULL);
	if (pc == k.repeat_nmi)
		on_exec(insn, at_repeat, find(entries, n_entries, pc));
	for (i = 0; i < n_hooks; i++)
		if (pc == hooks[i].end)
			on_exec(insn, after_hook, &hooks[i]);
	if (find(hooks, n_hooks, pc)) {
		on_exec(insn, in_hook, NULL);
		if (removes_translations(code, size))
			on_exec(insn, at_flush, NULL);
	}
	if (within(pc, k.text_start, k.text_end - k.text_start) && returns_to_user(code, size))
		on_exec(insn, at_return, (void *)pc);
	if (!alone && !on_page_end && !ends_block(code, size))
		qemu_plugin_register_vcpu_mem_cb(insn, accessed, QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_RW, (void *)pc);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *insn;
	uint64_t pc;

	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		pc = qemu_plugin_insn_vaddr(insn);
		if (i == 0)
			watch_block_start(insn, pc);
		if (pc & KERNEL)
			watch_insn(insn, pc, n == 1);
	}
}

static void print_paths(FILE *out)
{
	const struct path *p;
	int j;

	for (p = paths; p < paths + MAX_PATHS && p->times; p++) {
		fprintf(out, "path %s %" PRIx64 " %" PRIx64 " %s %d %d %" PRIx64 " %" PRIu64,
			kinds[p->kind], p->first, p->hook, froms[p->from], p->pending, p->flushed,
			p->ret, p->times);
		for (j = 0; j < N_CLASSES; j++)
			fprintf(out, " %s=%" PRIu64, classes[j], p->accesses[j]);
		fprintf(out, "\n");
	}
}

static void print_reports(FILE *out)
{
	const struct report *r;

	for (r = reports; r < reports + MAX_REPORTS && r->times; r++) {
		if (r->class == N_CLASSES)
			fprintf(out, "problem %" PRIx64 " %u %" PRIx64 " %" PRIu64 " %s\n", r->pc,
				r->vcpu, r->first, r->times, r->what);
		else
			fprintf(out, "report %s %s %" PRIx64 " %" PRIx64 " %u %" PRIx64 " %" PRIu64
				"\n", r->what, classes[r->class], r->pc, r->address, r->vcpu,
				r->first, r->times);
	}
}

static void print(qemu_plugin_id_t id, void *data)
{
	FILE *out = fopen(out_path, "a");
	int i;

	if (!out) {
		perror(out_path);
		return;
	}
	fprintf(out, "layout direct %" PRIx64 " %" PRIx64 "\n", direct, ram_size);
	fprintf(out, "layout vmalloc %" PRIx64 " %" PRIx64 "\n", vmalloc, vmalloc_size);
	fprintf(out, "layout vmemmap %" PRIx64 " %" PRIx64 "\n", vmemmap, vmemmap_size);
	for (i = 0; i < MAX_VCPUS; i++)
		if (cpus[i].state)
			fprintf(out, "cpu %d %" PRIu64 "\n", i, cpus[i].entries);
	print_paths(out);
	print_reports(out);
	if (lost_paths || lost_reports)
		fprintf(out, "lost %" PRIu64 " %" PRIu64 "\n", lost_paths, lost_reports);
	fclose(out);
}

static bool add_point(struct point *points, int *n, const struct point *point)
{
	if (*n == MAX_POINTS)
		return false;
	points[(*n)++] = *point;
	return true;
}

/* "hook KIND START END BAD-IRET", "entry START END ANYWHERE" or "NAME VALUE" */
static bool parse(const char *line)
{
	struct point point = { 0 };
	uint64_t value;
	char word[32];
	size_t i;
	int flag;

	if (sscanf(line, "entry %" SCNx64 " %" SCNx64 " %d", &point.start, &point.end,
		   &flag) == 3) {
		point.anywhere = flag;
		return add_point(entries, &n_entries, &point);
	}
	if (sscanf(line, "hook %31s %" SCNx64 " %" SCNx64 " %d", word, &point.start, &point.end,
		   &flag) == 4) {
		for (i = ENTER; i <= RESTORE && strcmp(word, kinds[i]); i++)
			;
		point.kind = i;
		point.after_bad_iret = flag;
		return i <= RESTORE && add_point(hooks, &n_hooks, &point);
	}
	if (sscanf(line, "%31s %" SCNx64, word, &value) != 2)
		return false;
	for (i = 0; i < N_NAMES && strcmp(word, names[i].name); i++)
		;
	if (i == N_NAMES)
		return false;
	*names[i].value = value;
	return true;
}

static bool configure(const char *path)
{
	FILE *f = fopen(path, "r");
	bool good = f;
	char line[256];
	size_t i;

	while (good && fgets(line, sizeof(line), f))
		good = parse(line);
	if (f)
		fclose(f);
	for (i = 0; i < N_NAMES; i++)
		good = good && *names[i].value;
	return good && n_hooks && n_entries;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv)
{
	if (argc != 2 || strncmp(argv[0], "conf=", 5) || strncmp(argv[1], "out=", 4)) {
		fprintf(stderr, "watch: usage: -plugin watch.so,conf=FILE,out=FILE\n");
		return -1;
	}
	if (!info->system_emulation || info->system.max_vcpus > MAX_VCPUS) {
		fprintf(stderr, "watch: at most %d CPUs\n", MAX_VCPUS);
		return -1;
	}
	if (!configure(argv[0] + 5)) {
		fprintf(stderr, "watch: %s: something is missing there\n", argv[0] + 5);
		return -1;
	}
	out_path = strdup(argv[1] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, print, NULL);
	return 0;
}
