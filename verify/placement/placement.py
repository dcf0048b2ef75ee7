# SPDX-License-Identifier: GPL-2.0
"""Schedules of an initiator and a target, at every instruction of every hook.

usage: placement.py STUB TAP TREE VMLINUX HEADER PART [CASE...]

Called by verify/placement/place-nmis with a guest that waits.  Prints one line per
case and hook: "ok WORDS" or "not ok WORDS".  Before each schedule an NMI reads the
address, so that the target's TLB has an entry for it.  Then the initiator maps
another page there.
"""

import sys
import time
import traceback
from pathlib import Path

import hooks as hooks_of
from held_guest import LOADED, FLUSH_PENDING, Guest, Lost
from remote import RemoteError

TIMEOUT = 15
IRET = "swapgs_restore_regs_and_return_to_usermode"
PTI_IRET = IRET + " #2"         # where page-table isolation has a way of its own
MAX_TRACE = 400
TRIES = 20
SHOWN = 5               # failures of one case that are printed


class Case:
    """A hook in one role: how to get there, and what to do at each instruction.

    Methods raise Lost or RemoteError if a schedule cannot be carried out.
    """

    def __init__(self, guest, hooks, name, hook, method):
        self.guest, self.hooks, self.name = guest, hooks, name
        self.hook, self.method = hook, method
        self.failures, self.at = [], ""
        self.instructions = self.schedules = self.nmis = 0
        self.deferred = self.ipis = self.stale = 0
        self.pending_since = None       # entry flushes when an IPI was last deferred

    def fail(self, what):
        """Note a failure at the current instruction."""
        self.failures.append("%s: %s" % (self.at, what))

    def held(self, which):
        """The target is held where the next schedule begins."""
        pc = self.guest.where()[0]
        near = self.guest.kernel.near(pc)
        self.at = "%s+%#x, state %d, %s" % (near, pc - self.guest.kernel[near],
                                            self.guest.state(), which)
        for hook in self.hooks:
            if hook.contains(pc):
                hook.reached.add(pc)

    def remap(self):
        """The initiator remaps; it must defer its IPI if and only if LOADED is not set."""
        loaded = self.guest.loaded()
        flushes = self.guest.entry_flushes()
        if self.guest.remap():
            self.deferred += 1
            self.pending_since = flushes
            if loaded:
                self.fail("deferred while the target is in the kernel")
        else:
            self.ipis += 1
            if not loaded:
                self.fail("an IPI while the target is in user mode")

    def judge_nmi(self, read, loaded):
        """Judge an NMI that came while the state had LOADED, or did not have it."""
        self.nmis += 1
        if read == "stale":
            self.stale += 1
            self.fail("the NMI read through a stale TLB entry")
        state = self.guest.state()
        if loaded and state != LOADED:
            self.fail("the NMI leaves state %d to an entry in progress" % state)
        if not loaded and state & LOADED:
            self.fail("the NMI leaves state %d to a CPU that counts as in user mode" % state)

    def nmi(self):
        """An NMI here, to its return."""
        loaded = self.guest.loaded()
        self.judge_nmi(self.guest.nmi(), loaded)

    def apply(self, schedule):
        """Carry out a schedule at this instruction; false if another one is the same."""
        # A waiting initiator has unmapped the address, so no NMI can read it.
        if schedule == "remap, NMI" and self.guest.loaded():
            return False
        self.schedules += 1
        for step in schedule.split(", "):
            if step == "remap":
                self.remap()
            else:
                self.nmi()
        return True

    def control(self):
        """Without a flush an NMI must read stale; otherwise the test shows nothing."""
        self.at = "control"
        self.guest.nmi()
        self.guest.command("REMAP_NO_FLUSH", threads=[1])
        if self.guest.nmi() != "stale" and not self.guest.forgets:
            self.fail("a TLB entry that was not flushed is not seen")
        self.guest.remap()

    def finish(self):
        """Both run on; the next entry of the target reads, and must have flushed."""
        stale = self.guest.finish()
        self.stale += stale
        if stale:
            self.fail("a later system call read through a stale TLB entry")
        if self.pending_since is not None and self.guest.entry_flushes() == self.pending_since:
            self.fail("an IPI was deferred and no entry flushed")
        self.pending_since = None

    def trace(self, end):
        """Step the target until end(pc); the addresses, and self.states beside them."""
        places = [self.guest.where()[0]]
        self.states = [self.guest.state()]
        self.held("walk")
        while not end(places[-1]):
            if len(places) > MAX_TRACE:
                raise Lost("no end of " + self.name)
            places.append(self.guest.step())
            self.states.append(self.guest.state())
            self.held("walk")
        return places

    def go(self, places, n):
        """Step to the n-th place of a trace."""
        for expected in places[1:n + 1]:
            pc = self.guest.step()
            # The exit of an interrupt may come first, to elsewhere in user mode.
            if pc != expected and not (in_user(pc) and in_user(expected)):
                raise Lost("%s: at %#x instead of %#x" % (self.name, pc, expected))

    def pass_by(self):
        """The same entry or exit, not held, with a flush pending."""
        self.guest.to_user_mode()
        self.remap()
        self.guest.command("ENTER", self.guest.number["BY_" + self.method])
        self.finish()

    def start_target(self):
        """Start the target program that has the method."""
        number = self.guest.number
        wants_32 = number["BY_" + self.method] >= number["BY_SYSENTER"]
        self.idle = "NOTHING_32" if wants_32 else "NOTHING"
        self.guest.command("ENTER", number["BY_" + self.idle])
        self.guest.command("FINISH")

    def run(self):
        """Carry out each schedule at each instruction."""
        self.start_target()
        self.open()
        places = self.places()
        self.instructions = len(places)
        self.close()
        self.with_control(places)
        for n, pc in enumerate(places):
            for schedule in self.schedules_at(pc):
                self.open()
                self.go(places, n)
                self.held(schedule)
                self.apply(schedule)
                self.close()

    def schedules_at(self, pc):
        """The schedules for an address: all of them in the hook, few elsewhere."""
        if self.hook.start <= pc <= self.hook.end:
            return self.list
        return self.elsewhere

    def summary(self):
        """The figures."""
        return ("%s: %d instructions, %d schedules, %d NMIs, %d deferred, %d IPIs, %d stale"
                % (self.name, self.instructions, self.schedules, self.nmis, self.deferred,
                   self.ipis, self.stale))


class Entry(Case):
    """From the first instruction in the kernel to the one after the hook."""

    list = ("NMI, remap", "remap, NMI", "remap")
    elsewhere = ("remap, NMI",)

    def __init__(self, guest, hooks, name, hook, method, start):
        super().__init__(guest, hooks, name, hook, method)
        self.start = start

    def open(self):
        """Hold the target at the first instruction, with a flush pending."""
        self.guest.enter(self.method, self.start)
        self.at = "opening"
        self.nmi()
        self.remap()

    def places(self):
        """Up to the first instruction after the hook."""
        return self.trace(lambda pc: pc == self.hook.end)

    def reach_end(self):
        """After the hook the state is LOADED."""
        if self.guest.where()[0] != self.hook.end:
            self.guest.run_to(self.hook.end)
        if self.guest.state() != LOADED:
            self.fail("the entry hook leaves state %d" % self.guest.state())

    def with_control(self, places):
        """After the hook, where nothing else flushes."""
        self.open()
        self.reach_end()
        self.control()
        self.finish()

    def close(self):
        """After the hook no TLB entry is stale."""
        self.reach_end()
        if not self.guest.in_flight:
            self.nmi()
        self.finish()


class FreeEntry(Entry):
    """The same with no flush pending yet: the initiator races with the hook."""

    list = ("remap, NMI", "remap")
    elsewhere = ()

    def open(self):
        """Hold the target at the first instruction, with a TLB entry to flush."""
        self.guest.enter(self.method, self.start)
        self.at = "opening"
        self.nmi()

    def with_control(self, places):
        """None: class Entry has it."""


class Exit(Case):
    """From the hook to user mode."""

    list = ("NMI, remap", "remap, NMI", "remap")
    elsewhere = ("remap, NMI", "remap")

    def open(self):
        """Hold the target at the hook's first instruction, with a TLB entry to flush."""
        self.guest.enter(self.method, self.hook.start)
        self.at = "opening"
        if self.guest.state() != LOADED:
            self.fail("the kernel ran with state %d" % self.guest.state())
        self.nmi()

    def places(self):
        """Up to the first instruction in user mode."""
        return self.trace(in_user)

    def with_control(self, places):
        """At the hook, where the target still counts as in the kernel."""
        self.open()
        self.control()
        self.finish()

    def close(self):
        """The next entry flushes what was deferred."""
        self.finish()


class UserNmi(Entry):
    """An NMI from user mode.  No other one can be placed inside it."""

    list = elsewhere = ("remap",)

    def open(self):
        """The NMI is taken, with a flush pending."""
        self.guest.to_user_mode()
        self.at = "opening"
        self.remap()
        self.count = self.guest.nmi_count()
        self.guest.raise_nmi()

    def with_control(self, places):
        """None: the handler itself reads."""

    def pass_by(self):
        """The NMI, not held."""
        self.guest.to_user_mode()
        self.remap()
        self.guest.remote.monitor("nmi")
        self.finish()

    def finish(self):
        """The target has to be told to enter and read."""
        self.guest.await_answer()
        self.guest.command("ENTER", self.guest.number["BY_" + self.idle])
        super().finish()

    def close(self):
        """Judge what the NMI's handler read, unless the initiator waited meanwhile."""
        self.reach_end()
        waited = self.guest.in_flight
        self.finish()
        self.nmis += self.guest.nmi_count() - self.count
        read = self.guest.nmi_read()
        if read != ("unread" if waited else "fresh"):
            self.stale += read == "stale"
            self.fail("the handler of the NMI read: " + read)


class Nested(Case):
    """The entry and the exit of an NMI or #DB inside pre-hook entry code.

    The outer case is held at some instruction.  The exception there is stepped
    through from its first instruction to its return.  Between its entry hook and its
    exit hook nothing changes, so that only the ends of that part are held.
    """

    def __init__(self, outer, place, name, hooks):
        super().__init__(outer.guest, outer.hooks, name, None, outer.method)
        self.outer, self.wanted, self.pair = outer, place, hooks
        self.path = set()       # addresses that it executes

    def _collect(self):
        """Take over what the outer case counted."""
        self.failures += self.outer.failures
        self.outer.failures = []
        self.stale += self.outer.stale
        self.outer.stale = 0

    def choose(self, states):
        """Index of the outer place: the first, before the flush, the last in the kernel."""
        if self.wanted == "before flush":
            before = LOADED + FLUSH_PENDING + self.guest.exit_state()
            if before not in states:
                raise Lost("state %d is nowhere in %s" % (before, self.outer.hook.name))
            return states.index(before)
        return {"first": 0, "last": len(states) - 2}[self.wanted]

    def places(self):
        """Up to the interrupted instruction."""
        return self.trace(lambda pc: self.guest.where() == self.back)[:-1]

    def holds(self, places):
        """Indexes of the places to hold: the hooks; in one case all but between them."""
        enter, leave = self.pair
        first = places.index(enter.end)
        last = places.index(leave.start)
        if self.wanted == "first":
            return [n for n in range(len(places)) if n <= first or n >= last]
        hooks = [n for n, pc in enumerate(places) if enter.start <= pc <= enter.end or
                 leave.start <= pc <= leave.end]
        return hooks + [len(places) - 1]

    def schedules_at(self, pc):
        """The schedules for an address: all of them in the hooks, few elsewhere."""
        if any(hook.start <= pc <= hook.end for hook in self.pair):
            return self.list
        return self.elsewhere

    def close(self):
        """Back in the outer case, initiators must still read its state right."""
        waited = self.guest.in_flight
        if self.guest.where() != self.back:
            self.guest.run_to(*self.back)
        self.after(waited)
        if self.guest.loaded() != self.was_loaded:
            self.fail("the exception leaves state %d" % self.guest.state())
        if not self.guest.in_flight:
            self.remap()
            self.outer.pending_since = self.pending_since
        self.pending_since = None
        self.outer.at = self.at
        self.outer.close()
        self._collect()

    def run(self):
        """Carry out each schedule at each place."""
        self.start_target()
        self.outer.idle = self.idle
        self.outer.open()
        self.outer_places = self.outer.places()
        self.place = self.choose(self.outer.states)
        self.outer.close()
        self.prepare()
        self.open()
        places = self.places()
        self.path.update(places)
        self.close()
        holds = self.holds(places)
        self.instructions = len(holds)
        for n in holds:
            for schedule in self.schedules_at(places[n]):
                self.open()
                self.go(places, n)
                self.held(schedule)
                self.apply(schedule)
                self.close()

    def prepare(self):
        """Called before the first schedule."""


class NestedNmi(Nested):
    """An NMI from kernel context.  No other one can be placed inside it."""

    list = elsewhere = ("remap",)

    def open(self):
        """Hold the target at the first instruction of the NMI."""
        self.outer.open()
        self.outer.go(self.outer_places, self.place)
        self.back = self.guest.where()
        self.was_loaded = self.guest.loaded()
        self.count = self.guest.nmi_count()
        self.guest.raise_nmi()

    def after(self, waited):
        """Judge what its handler read."""
        self.nmis += self.guest.nmi_count() - self.count
        read = self.guest.nmi_read()
        if read != "fresh" and not (waited and read == "unread"):
            self.stale += read == "stale"
            self.fail("the handler of the NMI read: " + read)


class NestedDebug(Nested):
    """A #DB from kernel context, by a breakpoint on the outer instruction."""

    list = ("NMI, remap", "remap, NMI", "remap")
    elsewhere = ("remap, NMI",)

    def prepare(self):
        """Count #DBs from here."""
        self.breaks = Breaks(self.guest)

    def open(self):
        """Hold the target at the first instruction of #DB; the handler disarms it."""
        for _ in range(TRIES):
            self.guest.command("BREAK", self.outer_places[self.place])
            self.run_into_it(self.guest.kernel["asm_exc_debug"])
            if self.guest.state() & (LOADED | FLUSH_PENDING) or self.wanted == "last":
                break
            # An interrupt came first, and its entry has flushed.
            self.guest.finish()
        self.back = self.guest.frame()
        if self.back[0] != self.outer_places[self.place]:
            raise Lost("#DB from %#x" % self.back[0])
        self.was_loaded = self.guest.loaded()

    def run_into_it(self, entry):
        """Run the target into the breakpoint, with a flush pending if that is possible."""
        if self.place == 0:
            self.guest.to_user_mode()
            self.remap()
            self.guest.enter(self.method, entry)
        else:
            self.outer.open()
            self.guest.run_to(entry)

    def after(self, waited):
        """Judge what the module's handler read."""
        self.breaks.judge(self)


class Breaks:
    """The counts of the module's #DB handler."""

    def __init__(self, guest):
        self.guest = guest
        self.last = guest.results()[3:]

    def judge(self, case):
        """Fail the case unless the handler has run since, and read nothing stale."""
        now = self.guest.results()[3:]
        if now[0] == self.last[0]:
            case.fail("no #DB reached the handler")
        if now[1] != self.last[1]:
            case.stale += 1
            case.fail("the handler of #DB read through a stale TLB entry")
        self.last = now


class Debug(Case):
    """A breakpoint on every instruction of another case, which is not held.

    Not on the instructions by which #DB enters and returns: it would recurse.
    """

    def __init__(self, outer, excluded):
        super().__init__(outer.guest, outer.hooks, "#DB in " + outer.name, None, outer.method)
        self.outer, self.excluded = outer, excluded

    def run(self):
        """Set one breakpoint after the other."""
        self.start_target()
        self.outer.idle = self.idle
        self.outer.open()
        places = self.outer.places()
        self.outer.close()
        self._collect()
        self.nmis = self.deferred = self.ipis = 0
        for pc in places:
            if in_user(pc) or pc in self.excluded:
                continue
            self.instructions += 1
            self.at = "#DB on %#x" % pc
            # On the IRET exit, the interrupt that arms it runs into it.
            breaks = Breaks(self.guest)
            self.guest.command("BREAK", pc)
            # The stub must not stop at the same instruction.
            if pc == places[0]:
                self.outer.pass_by()
            else:
                self.outer.open()
                self.outer.finish()
            breaks.judge(self)
            self.schedules += 1
            self._collect()

    def _collect(self):
        """Take over what the outer case counted."""
        for count in ("failures", "nmis", "deferred", "ipis", "stale"):
            value = getattr(self.outer, count)
            setattr(self, count, getattr(self, count) + value)
            setattr(self.outer, count, type(value)())


class SingleStep(Case):
    """SYSENTER with the trap flag: #DB on every instruction of its entry.

    #DB does the pending flush, so the hook finds LOADED and skips its flush.
    """

    def __init__(self, outer, debug):
        super().__init__(outer.guest, outer.hooks, "SYSENTER single-steps " + outer.hook.name,
                         outer.hook, "SYSENTER_TF")
        self.outer, self.debug = outer, debug

    def one(self):
        """Let NMIs read before and after the hook of #DB, at whose entry the target is."""
        self.held("single step")
        self.nmi()
        if not self.guest.loaded():
            self.remap()
        self.guest.run_to(self.debug.end)
        if self.guest.state() != LOADED:
            self.fail("the entry of #DB leaves state %d" % self.guest.state())
        self.nmi()
        self.schedules += 1

    def run(self):
        """Step until the kernel clears the trap flag."""
        self.start_target()
        self.outer.open()
        places = self.outer.places()
        loaded = next(n for n, state in enumerate(self.outer.states) if state & LOADED)
        expected = set(places[:loaded + 1])
        self.outer.close()
        seen = set()
        step, done = self.guest.kernel["asm_exc_debug"], self.guest.kernel["do_SYSENTER_32"]
        self.guest.enter(self.method, step)
        while self.guest.where()[0] == step:
            seen.add(self.guest.frame()[0])
            self.one()
            self.guest.run_to_any({step, done})
        self.instructions = len(seen)
        if expected - seen:
            self.fail("no #DB on %d instructions up to LOADED" % len(expected - seen))
        self.finish()


def in_user(pc):
    """Whether this is an address of user mode"""
    return pc < 1 << 63


def entry_case(guest, hooks, hook, method, start=None):
    """A case for an entry hook, by name."""
    hook = hooks[hook]
    return Entry(guest, hooks.values(), hook.name, hook, method,
                 guest.kernel[start or hook.name])


def exit_case(guest, hooks, hook, method):
    """A case for an exit hook, by name."""
    hook = hooks[hook]
    return Exit(guest, hooks.values(), hook.name, hook, method)


class Names(dict):
    """Hooks by name; HookError if there is none."""

    def __missing__(self, name):
        raise hooks_of.HookError("no hook is where %s was" % name)


def cases(guest, hooks, part):
    """The cases of a part: "plain", or "pti" with page-table isolation."""
    if part == "pti":
        return [entry_case(guest, hooks, "entry_SYSCALL_64", "SYSCALL"),
                exit_case(guest, hooks, "syscall_return_via_sysret", "SYSCALL"),
                exit_case(guest, hooks, PTI_IRET if PTI_IRET in hooks else IRET, "INT80")]
    everything = hooks.values()
    nmi = hooks["paranoid_entry"], hooks["end_repeat_nmi"]
    debug = hooks["paranoid_entry"], hooks["paranoid_exit"]

    def entry():
        return entry_case(guest, hooks, "entry_SYSCALL_64", "SYSCALL")

    def sysret():
        return exit_case(guest, hooks, "syscall_return_via_sysret", "SYSCALL")

    user_nmi = hooks["asm_exc_nmi"]
    plain = [
        entry(),
        entry_case(guest, hooks, "entry_SYSENTER_compat", "SYSENTER"),
        entry_case(guest, hooks, "entry_SYSCALL_compat", "SYSCALL32"),
        entry_case(guest, hooks, "error_entry", "INT80", "asm_int80_emulation"),
        entry_case(guest, hooks, "error_entry #2", "BAD_IRET", "asm_exc_general_protection"),
        UserNmi(guest, everything, user_nmi.name, user_nmi, "SYSCALL", user_nmi),
        sysret(),
        exit_case(guest, hooks, IRET, "INT80"),
        exit_case(guest, hooks, "entry_SYSRETL_compat_unsafe_stack", "SYSCALL32"),
    ]
    nested = [
        NestedNmi(entry(), "first", "NMI on the first instruction of entry_SYSCALL_64", nmi),
        NestedNmi(entry(), "before flush", "NMI before the flush of entry_SYSCALL_64", nmi),
        NestedNmi(sysret(), "last", "NMI on SYSRET", nmi),
        NestedDebug(entry(), "first", "#DB on the first instruction of entry_SYSCALL_64", debug),
        NestedDebug(entry(), "before flush", "#DB before the flush of entry_SYSCALL_64", debug),
        NestedDebug(sysret(), "last", "#DB on SYSRET", debug),
    ]
    own = nested[-1].path
    placement = list(plain)
    if guest.exit_state() == 0:
        free = [FreeEntry(guest, everything, case.hook.name + ", nothing pending", case.hook,
                          case.method, case.start)
                for case in plain if type(case) is Entry]
        plain += free
    sysenter = next(case for case in placement if case.method == "SYSENTER")
    return plain + nested + [Debug(case, own) for case in placement] + [
        SingleStep(sysenter, hooks["paranoid_entry"])]


def forgets(tree, part):
    """Does an NMI's return to the kernel write CR3, which drops the emulator's TLB?"""
    text = Path(tree, "arch/x86/entry/calling.h").read_text()
    return part == "pti" and "PARANOID_RESTORE_CR3" not in text


# What the test does not cover, and why
BEYOND = (
    "an NMI inside an NMI's entry: the CPU blocks it until IRET (#DB covers that)",
    "a breakpoint on the text by which #DB enters and returns: #DB would recurse",
    "#MC, #DF and #VC: not tried; they share paranoid_entry and paranoid_exit with #DB",
)


def reached(hooks, part, only):
    """Print whether each hook of the part was reached in full; 0 if all were, else 2.

    Each part has one of the two IRET exits, and all other hooks.
    """
    status = 0
    for hook in hooks.values():
        isolation_only = hook.name == PTI_IRET
        if hook.name.startswith(hooks_of.FRED):
            if part == "plain" and not only:
                print("skip hook %s: this emulator has no FRED" % hook.name)
            continue
        if isolation_only != (part == "pti") or (only and not hook.reached):
            continue
        missed = hook.needed - hook.reached
        print("not ok" if missed else "ok",
              "hook %s: stopped on %d of its %d instructions" %
              (hook.name, len(hook.needed) - len(missed), len(hook.needed)))
        if missed:
            status = 2
    return status


def main(stub, tap, tree, vmlinux, header, part, *only):
    """Run the cases; 0 if they passed, 1 if one failed, 2 if one was not carried out."""
    kernel = hooks_of.Kernel(vmlinux)
    hooks = Names((h.name, h) for h in hooks_of.find(tree, kernel))
    guest = Guest(stub, tap, kernel, header, TIMEOUT)
    for hook in hooks.values():
        hook.needed = set(hooks_of.instructions(guest.code(hook.start, hook.end), hook.start))
    status = 0
    guest.forgets = forgets(tree, part)
    if guest.forgets:
        print("skip control: each return from an NMI writes CR3, which drops this TLB")
    guest.command("ENTER", guest.number["BY_NOTHING"])
    guest.command("FINISH")
    for case in cases(guest, hooks, part):
        if only and not any(word in case.name for word in only):
            continue
        start = time.time()
        try:
            case.run()
        except (Lost, RemoteError) as e:
            case.fail("not carried out: %s" % e)
            case.failures += guest.explain() if isinstance(e, RemoteError) else []
            status = 2
        print("not ok" if case.failures else "ok", case.summary())
        for failure in case.failures[-SHOWN:]:
            print("#", failure)
        print("# %.1f s" % (time.time() - start), flush=True)
        if status == 2:
            return status
        if case.failures:
            status = 1
    for what in BEYOND if part == "plain" and not only else ():
        print("skip", what)
    status = reached(hooks, part, only) or status
    guest.quit()
    return status


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (hooks_of.HookError, Lost, RemoteError) as e:
        print("not ok", e)
        sys.exit(2)
    except Exception:   # pylint: disable=broad-except
        # Not status 1: place-nmis would wait for the guest.
        traceback.print_exc()
        sys.exit(2)
