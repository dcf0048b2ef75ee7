// SPDX-License-Identifier: GPL-2.0
/*
 * Records the target's state when an IPI callback is queued for it.  This shows
 * whether an IPI was sent to a CPU that the initiator could have skipped.
 */
#include <linux/kallsyms.h>
#include <linux/mutex.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>

#include "coalesce_tlbi_oracle.h"
#include "lookup.h"
#include "sent.h"

#define MAX_FUNCTIONS		64
#define KERNEL_CR3_LOADED	1

/**
 * struct sent - the calls of one callback
 * @func: the callback; the first initiator that queues it claims the slot permanently
 * @calls: queued for any CPU
 * @to_user_mode: of these, for a CPU whose state lacked LOADED
 */
struct sent {
	void *func;
	atomic_t calls;
	atomic_t to_user_mode;
};

/* Any initiator writes it, in any context, so there is no lock. */
static struct sent sent[MAX_FUNCTIONS];
static atomic_t lost;

/* Serialises the requests. */
static DEFINE_MUTEX(sent_lock);
static struct tracepoint *queue;

static struct sent *slot_of(void *func)
{
	int i;

	for (i = 0; i < MAX_FUNCTIONS; i++) {
		void *old = cmpxchg(&sent[i].func, NULL, func);

		if (!old || old == func)
			return &sent[i];
	}
	return NULL;
}

static void at_queue(void *data, const unsigned int cpu, unsigned long callsite,
		     smp_call_func_t func, call_single_data_t *csd)
{
	struct sent *slot = slot_of(func);

	if (!slot) {
		atomic_inc(&lost);
		return;
	}
	atomic_inc(&slot->calls);
	if (!(state_of(cpu) & KERNEL_CR3_LOADED))
		atomic_inc(&slot->to_user_mode);
}

static void find_queue(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "csd_queue_cpu"))
		queue = tp;
}

static int start(void)
{
	int i, err = 0;

	if (!queue) {
		for_each_kernel_tracepoint(find_queue, NULL);
		if (!queue)
			return -ENOENT;
		err = tracepoint_probe_register(queue, at_queue, NULL);
		if (err)
			queue = NULL;
	}
	for (i = 0; i < MAX_FUNCTIONS; i++) {
		atomic_set(&sent[i].calls, 0);
		atomic_set(&sent[i].to_user_mode, 0);
	}
	atomic_set(&lost, 0);
	return err;
}

static int copy_sent(void __user *arg)
{
	struct oracle_sent request;
	struct sent *slot;

	if (copy_from_user(&request, arg, sizeof(request)))
		return -EFAULT;
	if (atomic_read(&lost))
		return -EOVERFLOW;
	if (request.index < 0 || request.index >= MAX_FUNCTIONS || !sent[request.index].func)
		return -ENOENT;
	slot = &sent[request.index];
	request.calls = atomic_read(&slot->calls);
	request.to_user_mode = atomic_read(&slot->to_user_mode);
	snprintf(request.name, sizeof(request.name), "%ps", slot->func);
	return copy_to_user(arg, &request, sizeof(request)) ? -EFAULT : 0;
}

long sent_ioctl(unsigned int cmd, void __user *arg)
{
	long err = -ENOTTY;

	mutex_lock(&sent_lock);
	if (cmd == ORACLE_SENT_START)
		err = start();
	else if (cmd == ORACLE_SENT)
		err = copy_sent(arg);
	mutex_unlock(&sent_lock);
	return err;
}

void sent_exit(void)
{
	if (!queue)
		return;
	tracepoint_probe_unregister(queue, at_queue, NULL);
	tracepoint_synchronize_unregister();
}
