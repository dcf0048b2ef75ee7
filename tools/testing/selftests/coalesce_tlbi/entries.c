// SPDX-License-Identifier: GPL-2.0
/*
 * Every way from user mode into the kernel and back, one by one, on an isolated CPU
 * with a flush pending:
 *
 *  - A probe reads through the oracle's address as early on that way as the kernel
 *    can be instrumented.  It must not reach the page that the address was mapped
 *    to before, and the CPU's state must be LOADED there.
 *  - Afterwards the CPU must count as in user mode, so that a flush is deferred.
 *  - Text on that way is patched while the CPU is in user mode.  The CPU must run
 *    the new text when it comes there next.
 *
 * If an interrupt arrives between the flush and the entry, the CPU has flushed on
 * another way.  Therefore there are many rounds, and a control (no flush, none
 * pending) that has to see the old page in most of its rounds.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include "../kselftest.h"
#include "counts.h"
#include "isolated_box.h"

#define ROUNDS		16
#define CONTROL_ROUNDS	6
#define DRAINS		5
#define TEXT_ROUNDS	4
#define MAX_REPEATS	20

/* A selector that no table has, and one of the first LDT entry. */
#define BAD_SELECTOR	0xff7
#define LDT_SELECTOR	7

#define VSYSCALL_TIME	0xffffffffff600400UL

#define NR_GETPPID_32	64

static struct isolated cpus[MAX_ISOLATED];
static struct isolated *iso = cpus;
static bool defers, shows;

/*
 * Runs in the process on the isolated CPU.  Faults end in a signal handler, which
 * leaves by a jump, because a jump does not enter the kernel again.
 */
static enum { JUMP_BACK, RETURN, RETURN_BADLY } on_signal;
static sigjmp_buf back;

static void handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	if (on_signal == JUMP_BACK)
		siglongjmp(back, 1);

	isolated_read();
	isolated_next();
	if (on_signal == RETURN_BADLY)
		uc->uc_mcontext.gregs[REG_CSGSFS] =
			(uc->uc_mcontext.gregs[REG_CSGSFS] & ~0xffffLL) | BAD_SELECTOR;
	on_signal = JUMP_BACK;
}

static void handle_signals(void)
{
	static const int signals[] = { SIGTRAP, SIGILL, SIGSEGV, SIGBUS, SIGFPE };
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

/* Run instructions that fault; come back in user mode after the signal. */
#define FAULT(...) do {						\
	if (!sigsetjmp(back, 0))				\
		asm volatile(__VA_ARGS__);			\
} while (0)

static void read_page(void)
{
	isolated_read();
}

static void syscall64(void)
{
	long nr = SYS_getppid;

	asm volatile("syscall" : "+a" (nr) : : "rcx", "r11", "memory");
}

static void int80(void)
{
	long nr = NR_GETPPID_32;

	asm volatile("int $0x80" : "+a" (nr) : : "r8", "r9", "r10", "r11", "memory");
}

static void invalid_opcode(void)
{
	FAULT("ud2");
}

static void breakpoint_trap(void)
{
	FAULT("int3");
}

static void general_protection(void)
{
	FAULT("hlt");
}

static void divide_error(void)
{
	FAULT("xor %%eax, %%eax; xor %%edx, %%edx; div %%eax" : : : "rax", "rdx", "cc");
}

/* With the exception for division by zero unmasked. */
static void x87_error(void)
{
	unsigned short unmasked = 0x37b;

	FAULT("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m" (unmasked));
	asm volatile("fninit");
}

/* The trap comes after the instruction that follows POPF. */
static void single_step(void)
{
	FAULT("lea -128(%%rsp), %%rsp; pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "cc");
}

static void fault_segv(void)
{
	FAULT("movb $0, 8");
}

static void fault_anonymous(void)
{
	static char *page;
	static int left;
	const size_t n = 64, size = 4096;

	if (!left) {
		page = mmap(NULL, n * size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		left = n;
		return;
	}
	asm volatile("movb $1, %0" : "=m" (*page));
	page += size;
	left--;
}

static __attribute_noinline__ void target(void)
{
	asm volatile("nop");
}

/* #DB from user mode by a debug register; no signal. */
static void hardware_breakpoint(void)
{
	static int fd = -1;

	if (fd < 0) {
		struct perf_event_attr attr = {
			.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr),
			.bp_type = HW_BREAKPOINT_X, .bp_addr = (uintptr_t)target,
			.bp_len = sizeof(long), .exclude_kernel = 1, .exclude_hv = 1,
		};

		fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
		if (fd < 0)
			_exit(1);
	}
	target();
}

static void vsyscall(void)
{
	((long (*)(long *))VSYSCALL_TIME)(NULL);
}

/* In two parts: enter a handler, which reads and waits, and return from it. */
static void signal_frame(void)
{
	on_signal = RETURN;
	asm volatile("int3" ::: "memory");
}

/* The same with an invalid frame: IRET itself faults. */
static void bad_frame(void)
{
	on_signal = RETURN_BADLY;
	FAULT("int3");
}

/* From now on interrupts of this process return to a 16-bit stack segment. */
static void sixteen_bit_stack(void)
{
	struct user_desc desc = {
		.limit = 0xffff, .contents = MODIFY_LDT_CONTENTS_DATA,
	};
	static bool loaded;

	if (!loaded && syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)))
		_exit(1);
	loaded = true;
	isolated_read();
	asm volatile("mov %0, %%ss" : : "r" (LDT_SELECTOR));
}

static void still_sixteen_bit_stack(void)
{
	unsigned short ss;

	asm volatile("mov %%ss, %0" : "=r" (ss));
	if (ss != LDT_SELECTOR)
		_exit(1);
}

/* In two parts: a new process leaves the kernel for the first time, then exits. */
static void new_process(void)
{
	pid_t pid = vfork();

	if (!pid) {
		isolated_next();
		_exit(0);
	}
	if (pid < 0)
		_exit(1);
}

/**
 * struct way - one way into the kernel and back
 * @name: its name
 * @probe: where it is instrumented, as ORACLE_PROBE wants it
 * @text: where text is patched, in the same form; NULL if that is @probe
 * @prime: reads through the address on the isolated CPU; NULL for a plain read
 * @enter: goes that way on the isolated CPU
 * @kick: if @enter is NULL, the interrupt that another CPU raises
 * @host: or what the host of a virtual machine raises; the host reads the request in
 *	this program's output.  Used only if the way is named as an argument
 * @check: called on the isolated CPU afterwards, does not enter the kernel; or NULL
 * @last: @enter waits in user mode in its middle and has to be asked once more
 * @program: NULL, or the program that @method is for
 * @method: for entries_32
 */
struct way {
	const char *name, *probe, *text;
	void (*prime)(void);
	void (*enter)(void);
	void (*check)(void);
	enum oracle_vector kick;
	const char *host;
	bool last;
	const char *program;
	enum box_method method;
};

static const struct way ways[] = {
	{ "syscall", "function:__x64_sys_getppid", .enter = syscall64 },
	{ "int80", "function:__x64_sys_getppid", .enter = int80 },
	{ "int80-32bit", "function:__x64_sys_getppid", .program = "entries_32",
	  .method = BOX_INT80, .enter = read_page },
	{ "sysenter", "function:__x64_sys_getppid", .program = "entries_32",
	  .method = BOX_SYSENTER, .enter = read_page },
	{ "syscall32", "function:__x64_sys_getppid", .program = "entries_32",
	  .method = BOX_SYSCALL32, .enter = read_page },
	{ "page-fault", "tracepoint:page_fault_user", .enter = fault_anonymous },
	{ "page-fault-signal", "tracepoint:page_fault_user", .enter = fault_segv },
	{ "invalid-opcode", "die", "function:force_sig_fault",
	  .enter = invalid_opcode },
	{ "breakpoint-trap", "die", "function:force_sig",
	  .enter = breakpoint_trap },
	{ "divide-error", "die", "function:force_sig_fault",
	  .enter = divide_error },
	{ "general-protection", "function:force_sig", .enter = general_protection },
	{ "x87-error", "function:force_sig_fault", .enter = x87_error },
	{ "single-step", "die", "function:force_sig_fault",
	  .enter = single_step },
	{ "hardware-breakpoint", "function:perf_bp_event", .enter = hardware_breakpoint },
	{ "timer", "tracepoint:local_timer_entry", .kick = ORACLE_VECTOR_TIMER },
	{ "reschedule-ipi", "tracepoint:reschedule_entry", .kick = ORACLE_VECTOR_RESCHEDULE },
	{ "call-ipi", "tracepoint:call_function_entry", .kick = ORACLE_VECTOR_CALL },
	{ "call-single-ipi", "tracepoint:call_function_single_entry",
	  .kick = ORACLE_VECTOR_CALL_SINGLE },
	{ "irq-work-ipi", "tracepoint:irq_work_entry", .kick = ORACLE_VECTOR_IRQ_WORK },
	{ "nmi", "nmi", "tracepoint:nmi_handler", .kick = ORACLE_VECTOR_NMI },
	{ "machine-check", "function:add_taint", .host = "machine check" },
	{ "vsyscall", "tracepoint:emulate_vsyscall", .enter = vsyscall },
	{ "sigreturn", "function:__x64_sys_rt_sigreturn", .prime = signal_frame,
	  .enter = read_page },
	{ "bad-iret", "function:force_sig", .prime = bad_frame, .enter = read_page },
	{ "espfix", "tracepoint:local_timer_entry", .prime = sixteen_bit_stack,
	  .kick = ORACLE_VECTOR_TIMER, .check = still_sixteen_bit_stack },
	{ "new-process", "function:__x64_sys_vfork", .enter = new_process, .last = true },
};

#define RESULTS_OF_WAY	5

static void command(unsigned long request, void *arg)
{
	int err = oracle_command(request, arg);

	if (err)
		ksft_exit_fail_msg("oracle request %#lx: %s\n", request, strerror(err));
}

static void await_hit(struct oracle_hit *hit)
{
	do {
		isolated_ping(iso, 1);
		command(ORACLE_HIT, hit);
	} while (!hit->count);
}

static void ask_host(const char *what)
{
	ksft_print_msg("inject: %s on CPU %d\n", what, iso->cpu);
	fflush(stdout);
}

/* Read through the address.  A way with a middle waits there. */
static void prime(const struct way *way, unsigned long request)
{
	/* If the address was lost there is a new one: read through that. */
	isolated_enter(iso, way->prime, BOX_READ);
	while (request && oracle_request(request) < 0) {
		if (way->prime && way->enter)
			isolated_enter(iso, way->enter, way->method);
		isolated_enter(iso, way->prime, BOX_READ);
	}
}

/* Go the way from there.  With @last it waits in its middle. */
static void pass(const struct way *way, struct oracle_hit *hit)
{
	struct oracle_kick kick = { .cpu = iso->cpu, .vector = way->kick };
	struct oracle_arm arm = { .cpu = iso->cpu, .watched = iso->cpu };
	struct oracle_arm disarm = { .cpu = -1 };

	command(ORACLE_ARM, &arm);
	if (way->enter) {
		isolated_enter(iso, way->enter, way->method);
		command(ORACLE_HIT, hit);
	} else {
		if (way->host)
			ask_host(way->host);
		else
			command(ORACLE_KICK, &kick);
		await_hit(hit);
	}
	isolated_ping(iso, 1);
	if (way->check)
		isolated_enter(iso, way->check, 0);
	command(ORACLE_ARM, &disarm);
}

/* The whole way once, after @request. */
static void go(const struct way *way, unsigned long request, struct oracle_hit *hit)
{
	prime(way, request);
	pass(way, hit);
}

static void finish(const struct way *way)
{
	if (way->last)
		isolated_enter(iso, NULL, BOX_READ);
}

struct seen {
	int passed, stale, loaded;
};

static struct seen rounds(const struct way *way, int n, unsigned long request)
{
	struct seen seen = { 0 };
	struct oracle_hit hit;

	while (n--) {
		go(way, request, &hit);
		finish(way);
		seen.passed += hit.count > 0;
		seen.stale += hit.count && hit.seen != hit.mapped;
		seen.loaded += hit.state == KERNEL_CR3_LOADED;
		/* TLB entries of a control round must not be taken for the next. */
		if (request == ORACLE_REMAP_NO_FLUSH)
			oracle_round(iso, 1, ORACLE_REMAP);
	}
	return seen;
}

static bool counts_as_user_mode(void)
{
	struct oracle_cpu_state now = { .cpu = iso->cpu };

	command(ORACLE_CPU_STATE, &now);
	return now.state >= 0 && !(now.state & KERNEL_CR3_LOADED);
}

/* After the way back, before anything else takes the CPU into the kernel. */
static enum verdict after(const struct way *way, unsigned long *deferred, bool *user)
{
	struct oracle_hit hit;
	struct batch batch;
	enum verdict verdict;
	int i;

	go(way, 0, &hit);
	*user = counts_as_user_mode();
	batch_begin(&batch, iso, 1);
	for (i = 0; i < DRAINS; i++)
		oracle_request(ORACLE_DRAIN);
	verdict = batch_end(&batch, iso, 1);
	*deferred = batch.deferred[0];
	finish(way);
	return verdict;
}

static void test_exit(const struct way *way)
{
	enum verdict verdict = BATCH_STRAY;
	unsigned long deferred = 0;
	bool user = false;
	int i;

	for (i = 0; i < MAX_REPEATS && verdict == BATCH_STRAY; i++)
		verdict = after(way, &deferred, &user);

	if (defers)
		ksft_test_result(user && verdict == BATCH_DEFERRED && deferred >= DRAINS,
				 "%s: afterwards the CPU counts as in user mode\n", way->name);
	else
		ksft_test_result(!user && verdict == BATCH_RECEIVED && !deferred,
				 "%s: control: nothing is deferred afterwards\n", way->name);
}

/*
 * A TLB may evict the translation, to make room for one that the way needs; then
 * another address is tried.  A host takes its time between the remap and the entry,
 * so one stale read is enough there.
 */
static bool seen_stale(const struct way *way, const struct seen *seen)
{
	return way->host ? seen->stale : seen->stale > CONTROL_ROUNDS / 2;
}

static void test_control(const struct way *way)
{
	struct seen seen = rounds(way, CONTROL_ROUNDS, ORACLE_REMAP_NO_FLUSH);
	bool flushes = !strcmp(coalesce_mode(), "always");
	int i;

	for (i = 0; shows && !flushes && !seen_stale(way, &seen) && i < MAX_REPEATS; i++) {
		command(ORACLE_RELOCATE, NULL);
		seen = rounds(way, CONTROL_ROUNDS, ORACLE_REMAP_NO_FLUSH);
	}
	ksft_print_msg("%s: %d of %d stale without a flush\n", way->name, seen.stale,
		       CONTROL_ROUNDS);
	if (!shows)
		ksft_test_result_skip("%s: control: not observable here\n", way->name);
	else if (flushes)
		ksft_test_result(!seen.stale, "%s: flushes with nothing deferred\n", way->name);
	else
		ksft_test_result(seen_stale(way, &seen),
				 "%s: control: without a flush the old page is seen\n",
				 way->name);
}

static void test_entry(const struct way *way)
{
	struct seen seen = rounds(way, ROUNDS, ORACLE_REMAP);

	ksft_print_msg("%s: %d rounds, %d hit the probe, %d with LOADED, %d stale\n", way->name,
		       ROUNDS, seen.passed, seen.loaded, seen.stale);
	if (seen.passed == ROUNDS && !strcmp(coalesce_mode(), "none"))
		ksft_test_result_skip("%s: a kernel without the per-CPU state\n", way->name);
	else
		ksft_test_result(seen.passed == ROUNDS && seen.loaded == ROUNDS,
				 "%s: the state is LOADED at %s\n", way->name, way->probe);
	if (!shows && !seen.stale)
		ksft_test_result_skip("%s: a stale read is not observable here\n", way->name);
	else
		ksft_test_result(!seen.stale, "%s: nothing stale at %s\n", way->name,
				 way->probe);
}

static int set_probe(const char *name)
{
	struct oracle_probe probe = { 0 };

	snprintf(probe.name, sizeof(probe.name), "%s", name);
	return oracle_command(ORACLE_PROBE, &probe);
}

static unsigned long interrupts(void)
{
	struct counts c;

	counts_read(iso->cpu, &c);
	return c.interrupts;
}

/*
 * A worker removes an optimized probe some time later.  A probe that is set again
 * before that patches nothing.
 */
#define OPTIMIZATION	"/proc/sys/debug/kprobes-optimization"

static char optimization;

static void set_optimization(char value)
{
	FILE *f = fopen(OPTIMIZATION, "w");

	if (!f)
		return;
	fputc(value, f);
	fclose(f);
}

static void restore_optimization(void)
{
	set_optimization(optimization);
}

static void stop_optimization(void)
{
	FILE *f = fopen(OPTIMIZATION, "r");

	if (!f)
		return;
	optimization = fgetc(f);
	fclose(f);
	atexit(restore_optimization);
	set_optimization('0');
}

/* The CPU does not enter the kernel between the patching and the way. */
static void test_text(const struct way *way)
{
	const char *text = way->text ?: way->probe;
	int new = 0, skipped = 0, pending = 0, i;
	struct oracle_hit hit;
	unsigned long before;
	enum pending found;

	for (i = 0; i < TEXT_ROUNDS; i++) {
		set_probe("");
		prime(way, 0);
		isolated_ping(iso, 1);
		before = interrupts();
		if (set_probe(text)) {
			ksft_test_result_skip("%s: text: no %s in this kernel\n", way->name,
					      text);
			pass(way, &hit);
			finish(way);
			return;
		}
		found = isolated_pending(iso, before);
		skipped += found != PENDING_UNCLEAR;
		pending += found == PENDING_FLUSH;
		pass(way, &hit);
		finish(way);
		new += hit.count > 0;
	}
	ksft_print_msg("%s: text: %d rounds, %d skipped, %d of them pending, %d ran it\n",
		       way->name, TEXT_ROUNDS, skipped, pending, new);
	ksft_test_result(new == TEXT_ROUNDS && pending == skipped && !skipped == !defers,
			 "%s: text patched in user mode takes effect at %s\n", way->name, text);
}

static void skip(const struct way *way, const char *why)
{
	int i;

	for (i = 0; i < RESULTS_OF_WAY; i++)
		ksft_test_result_skip("%s: %s\n", way->name, why);
}

static void test_way(const struct way *way)
{
	int err = set_probe(way->probe);
	char why[64];

	if (err) {
		snprintf(why, sizeof(why), "%s: %s", way->probe, strerror(err));
		skip(way, why);
		return;
	}
	isolated_spawn(iso, way->program);
	if (way->program && isolated_try(iso, NULL, way->method) == SIGILL) {
		skip(way, "this CPU does not have it");
		return;
	}
	/* The first time, a process may enter the kernel on other ways as well. */
	rounds(way, 1, ORACLE_REMAP);
	test_entry(way);
	test_control(way);
	test_exit(way);
	test_text(way);
	isolated_stop(iso, 1);
}

static bool named(const struct way *way, char **names)
{
	for (; *names; names++)
		if (!strcmp(way->name, *names))
			return true;
	return false;
}

static void refuse(const char *program)
{
	unsigned int i;

	fprintf(stderr, "usage: %s [[except] WAY...]; there is:", program);
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		fprintf(stderr, " %s", ways[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

int main(int argc, char **argv)
{
	bool except = argc > 1 && !strcmp(argv[1], "except");
	char **names = argv + 1 + except;
	bool chosen[ARRAY_SIZE(ways)];
	unsigned int i, n = 0, n_named = 0;
	int n_cpus;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		bool is_named = named(&ways[i], names);

		n_named += is_named;
		chosen[i] = *names && !except ? is_named : !is_named && !ways[i].host;
		n += chosen[i];
	}
	if (!n || n_named != (unsigned int)(argv + argc - names) || (except && !n_named))
		refuse(argv[0]);

	ksft_print_header();
	n_cpus = isolated_start(cpus);
	isolated_stop(cpus, n_cpus);
	defers = coalesce_defers();
	shows = staleness_shows();
	ksft_print_msg("mode %s, CPU %d\n", coalesce_mode(), iso->cpu);

	handle_signals();
	stop_optimization();
	ksft_set_plan(RESULTS_OF_WAY * n);
	for (i = 0; i < ARRAY_SIZE(ways); i++)
		if (chosen[i])
			test_way(&ways[i]);
	set_probe("");
	ksft_finished();
}
