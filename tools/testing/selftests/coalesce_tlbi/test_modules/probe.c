// SPDX-License-Identifier: GPL-2.0
/*
 * The probe: reads through the oracle's address at a chosen place in the kernel,
 * as early on an entry path as the kernel can be instrumented, and records the
 * CPU's state there.
 */
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <asm/apic.h>
#include <asm/irq_regs.h>
#include <asm/irq_vectors.h>

#include "address.h"
#include "calls.h"
#include "coalesce_tlbi_oracle.h"
#include "lookup.h"
#include "probe.h"

enum probe_kind { PROBE_NONE, PROBE_FUNCTION, PROBE_TRACEPOINT, PROBE_DIE, PROBE_NMI };

/* Serialises moving the probe. */
static DEFINE_MUTEX(probe_lock);
static enum probe_kind kind;
static struct kprobe kprobe;
static char kprobe_name[64];
static struct tracepoint *tracepoint;

/*
 * Written by the armed CPU.  Only an NMI's probe can interrupt it there.  A reader
 * sees the whole first hit once count is not 0.
 */
static int armed_cpu = -1;
static int watched_cpu;
static struct oracle_hit hit;

static bool is_cpu(int cpu)
{
	return cpu >= 0 && cpu < nr_cpu_ids && cpu_possible(cpu);
}

static notrace void take(bool from_user)
{
	int cpu = raw_smp_processor_id();
	int count;

	/* Pairs with arm(). */
	if (cpu != smp_load_acquire(&armed_cpu))
		return;
	count = hit.count;
	if (!count) {
		address_read(&hit.seen, &hit.mapped);
		hit.state = state_of(watched_cpu);
	}
	hit.from_user += from_user;
	/* After the rest of the hit; pairs with copy_hit(). */
	smp_store_release(&hit.count, count + 1);
}

static int at_function(struct kprobe *p, struct pt_regs *regs)
{
	take(false);
	return 0;
}

/* Tracepoints pass more arguments, which the calling convention allows to ignore. */
static void at_tracepoint(void *data)
{
	struct pt_regs *regs = get_irq_regs();

	take(regs && user_mode(regs));
}

static int at_die(struct notifier_block *nb, unsigned long val, void *data)
{
	struct die_args *args = data;

	if (READ_ONCE(kind) == PROBE_DIE && user_mode(args->regs) &&
	    (val == DIE_TRAP || val == DIE_INT3 || val == DIE_DEBUG))
		take(true);
	return NOTIFY_DONE;
}

static struct notifier_block die_notifier = {
	.notifier_call	= at_die,
	.priority	= INT_MAX,
};

void probe_nmi(void)
{
	if (READ_ONCE(kind) == PROBE_NMI)
		take(false);
}

static void find_tracepoint(struct tracepoint *tp, void *name)
{
	if (!strcmp(tp->name, name))
		tracepoint = tp;
}

static void unset(void)
{
	if (kind == PROBE_FUNCTION) {
		unregister_kprobe(&kprobe);
	} else if (kind == PROBE_TRACEPOINT) {
		tracepoint_probe_unregister(tracepoint, at_tracepoint, NULL);
		tracepoint_synchronize_unregister();
	}
	WRITE_ONCE(kind, PROBE_NONE);
}

static int set_function(const char *name)
{
	strscpy(kprobe_name, name, sizeof(kprobe_name));
	kprobe = (struct kprobe){ .symbol_name = kprobe_name, .pre_handler = at_function };
	return register_kprobe(&kprobe);
}

static int set_tracepoint(char *name)
{
	tracepoint = NULL;
	for_each_kernel_tracepoint(find_tracepoint, name);
	if (calls_tracepoint())
		find_tracepoint(calls_tracepoint(), name);
	if (!tracepoint)
		return -ENOENT;
	return tracepoint_probe_register(tracepoint, at_tracepoint, NULL);
}

static int set(char *name)
{
	enum probe_kind new;
	int err = 0;

	unset();
	if (!*name) {
		new = PROBE_NONE;
	} else if (strstarts(name, "function:")) {
		new = PROBE_FUNCTION;
		err = set_function(name + strlen("function:"));
	} else if (strstarts(name, "tracepoint:")) {
		new = PROBE_TRACEPOINT;
		err = set_tracepoint(name + strlen("tracepoint:"));
	} else if (!strcmp(name, "die")) {
		new = PROBE_DIE;
	} else if (!strcmp(name, "nmi")) {
		new = PROBE_NMI;
	} else {
		err = -EINVAL;
	}
	if (!err)
		WRITE_ONCE(kind, new);
	return err;
}

static int move_probe(void __user *arg)
{
	struct oracle_probe request;
	int err;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	request.name[sizeof(request.name) - 1] = 0;
	mutex_lock(&probe_lock);
	err = set(request.name);
	mutex_unlock(&probe_lock);
	return err;
}

static int arm(void __user *arg)
{
	struct oracle_arm request;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	if (!is_cpu(request.watched))
		return -EINVAL;
	WRITE_ONCE(armed_cpu, -1);
	watched_cpu = request.watched;
	hit = (struct oracle_hit){ .seen = -1, .mapped = -1, .state = -1 };
	/* Pairs with take(): the CPU that reads its number finds the hit empty. */
	smp_store_release(&armed_cpu, request.cpu);
	return 0;
}

static int copy_hit(void __user *arg)
{
	struct oracle_hit copy = { 0 };

	/* Pairs with take(): a hit that is counted is complete. */
	if (smp_load_acquire(&hit.count))
		copy = hit;
	return copy_to_user(arg, &copy, sizeof(copy)) ? -EFAULT : 0;
}

static int copy_cpu_state(void __user *arg)
{
	struct oracle_cpu_state request;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	if (!is_cpu(request.cpu))
		return -EINVAL;
	request.state = state_of(request.cpu);
	return copy_to_user(arg, &request, sizeof(request)) ? -EFAULT : 0;
}

static int kick(void __user *arg)
{
	static const int vectors[] = {
		[ORACLE_VECTOR_TIMER]		= LOCAL_TIMER_VECTOR,
		[ORACLE_VECTOR_RESCHEDULE]	= RESCHEDULE_VECTOR,
		[ORACLE_VECTOR_CALL]		= CALL_FUNCTION_VECTOR,
		[ORACLE_VECTOR_CALL_SINGLE]	= CALL_FUNCTION_SINGLE_VECTOR,
		[ORACLE_VECTOR_IRQ_WORK]	= IRQ_WORK_VECTOR,
		[ORACLE_VECTOR_NMI]		= NMI_VECTOR,
	};
	struct oracle_kick request;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	if (!is_cpu(request.cpu) || !cpu_online(request.cpu))
		return -EINVAL;
	if (request.vector < 0 || request.vector >= ARRAY_SIZE(vectors))
		return -EINVAL;
	apic->send_IPI(request.cpu, vectors[request.vector]);
	return 0;
}

long probe_ioctl(unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case ORACLE_PROBE:
		return move_probe(arg);
	case ORACLE_ARM:
		return arm(arg);
	case ORACLE_HIT:
		return copy_hit(arg);
	case ORACLE_CPU_STATE:
		return copy_cpu_state(arg);
	case ORACLE_KICK:
		return kick(arg);
	}
	return -ENOTTY;
}

int probe_init(void)
{
	return register_die_notifier(&die_notifier);
}

void probe_exit(void)
{
	unset();
	unregister_die_notifier(&die_notifier);
}
