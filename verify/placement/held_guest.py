# SPDX-License-Identifier: GPL-2.0
"""The guest of the placement test, seen from the host.

Two CPUs.  The initiator runs the commands that entry_placement.c gets.  The target is
held at an instruction while the initiator works.

All addresses are virtual, all times are in seconds.  Lost: the guest did not do what a
schedule needs.  RemoteError: the gdb stub did not do what was asked.
"""

import re
import struct

from remote import CS, RIP, RSP, Remote, RemoteError

INITIATOR, TARGET = 1, 2        # threads of the stub: CPU number + 1
BOTH = (INITIATOR, TARGET)
LOADED, FLUSH_PENDING = 1, 2
TRIES = 50
# The initiator's own call of a flush, after it has decided about the IPI
FLUSHES = ("coalesce_tlbi_flush_range", "coalesce_tlbi_flush_all",
           "do_kernel_range_flush", "do_flush_tlb_all")


class Lost(Exception):
    """A schedule was not carried out: it shows nothing."""


def definitions(header):
    """The numbers that a C header defines as PLACEMENT_<name>, by name."""
    with open(header, encoding="ascii") as f:
        found = re.findall(r"^#define\s+PLACEMENT_(\w+)\s+(\d+)\b", f.read(), re.M)
    return {name: int(value) for name, value in found}


class Guest:
    """Commands to the initiator, steps and NMIs on the target, its per-CPU state."""

    def __init__(self, stub, tap, kernel, header, timeout):
        self.number = definitions(header)
        with open(tap, encoding="utf-8") as f:
            found = re.findall(r"symbol (\w+) (0x[0-9a-f]+)", f.read())
        self.address = {name: int(value, 16) for name, value in found}
        self.kernel = kernel
        self.entry_text = range(kernel["__entry_text_start"], kernel["__entry_text_end"])
        self.text = range(kernel["_stext"], kernel["_etext"])
        self.in_flight = False
        self.remote = Remote(stub, timeout)
        table = kernel["__per_cpu_offset"] + 8 * (TARGET - 1)
        per_cpu = self._kernel_longs(table, 1)[0]
        self.per_cpu_state = per_cpu + kernel["kernel_cr3_loaded"]
        self.counters = per_cpu + kernel["coalesce_tlbi_counters"]

    def _kernel_longs(self, address, n):
        """n 64-bit values, by the page tables of a CPU that has the kernel mapped."""
        try:
            return self.remote.read_longs(INITIATOR, address, n)
        except RemoteError:
            return self.remote.read_longs(TARGET, address, n)

    def state(self):
        """The target's per-CPU state: LOADED, FLUSH_PENDING, FLUSH_ALWAYS, or a sum of them."""
        return self._kernel_longs(self.per_cpu_state, 1)[0]

    def loaded(self):
        """Does an initiator treat the target as in the kernel?"""
        return bool(self.state() & LOADED)

    def exit_state(self):
        """The value that the target's exit hooks store: 0, or FLUSH_ALWAYS in mode always."""
        return self._kernel_longs(self.per_cpu_state + 8, 1)[0]

    def deferred(self):
        """Number of IPIs to the target that were deferred."""
        return self._kernel_longs(self.counters, 1)[0]

    def entry_flushes(self):
        """Number of flushes by entry hooks of the target."""
        return self._kernel_longs(self.per_cpu_state + 16, 1)[0]

    def where(self):
        """Instruction and stack pointer of the target."""
        return self.remote.register(TARGET, RIP), self.remote.register(TARGET, RSP)

    def to_user_mode(self):
        """Let the target return to user mode, and stay there."""
        for _ in range(TRIES):
            if self.in_user_mode() and not self.loaded():
                return
            self.command("FINISH")
        raise Lost("the target does not stay in user mode")

    def code(self, start, end):
        """The bytes of the running text from start to end."""
        return self.remote.read(INITIATOR, start, end - start)

    def explain(self):
        """After a time-out: lines with the address and the stack of each CPU."""
        try:
            self.remote.interrupt()
            lines = []
            for thread in BOTH:
                rip, rsp = (self.remote.register(thread, r) for r in (RIP, RSP))
                size = min(512, -rsp % 4096)
                stack = [a for a in self.remote.read_longs(thread, rsp, size // 8)
                         if a in self.text] if rip >> 63 else []
                lines.append("CPU %d at %#x: %s" % (thread - 1, rip, " < ".join(
                    self.kernel.near(a) for a in [rip] + stack)))
            return lines
        except RemoteError as e:
            return [str(e)]

    def quit(self):
        """Let the guest end by itself."""
        self._order("QUIT", 0)
        self.remote.detach()

    def in_user_mode(self):
        """Does the target run user mode?"""
        return self.remote.register(TARGET, CS) & 3 == 3

    def results(self):
        """struct placement_state: result, stale, reads; #DBs, stale and unread ones."""
        return self._kernel_longs(self.address["placement_state"] + 16, 6)

    # The initiator

    def _order(self, command, argument):
        state = self.address["placement_state"]
        for thread in (INITIATOR, TARGET):
            try:
                self.remote.write_longs(thread, state + 8, argument)
                self.remote.write_longs(thread, state, self.number[command])
                return
            except RemoteError:
                pass
        raise Lost("cannot write the command")

    def _wait(self, threads, wanted):
        """Run until a thread reaches an address, as (thread, address) in wanted."""
        self.remote.break_at({address for _, address in wanted})
        while True:
            hit = self.remote.run(threads)
            if hit in wanted:
                self.remote.break_at(())
                return hit
            if hit[0] in threads and hit[1] in self.remote.breakpoints:
                self.remote.step(hit[0])

    def _await_initiator(self, threads):
        self._wait(threads, {(INITIATOR, self.address["placement_await"])})
        self.remote.step(INITIATOR)
        result = self.results()[0]
        if result:
            raise Lost("the initiator's command failed: %d" % result)

    def command(self, name, argument=0, threads=BOTH):
        """Have the initiator carry out a command; Lost if it fails."""
        self._order(name, argument)
        self._await_initiator(threads)

    def enter(self, method, start):
        """Have the target enter by a method; hold it at the instruction at start."""
        waited = {(INITIATOR, self.address["placement_await"]), (TARGET, start)}
        threads = set(BOTH)
        self._order("ENTER", self.number["BY_" + method])
        while waited:
            hit = self._wait(sorted(threads), waited)
            waited.discard(hit)
            if hit[0] == INITIATOR:
                self.remote.step(INITIATOR)
            else:
                threads.discard(TARGET)

    def remap(self):
        """The initiator maps another page at the address while the target is held.

        True if its IPI was deferred and the mapping is complete, false if it sent the
        IPI and waits.
        """
        deferred = self.deferred()
        self._order("REMAP", 0)
        self._wait([INITIATOR], {(INITIATOR, self.kernel[f]) for f in FLUSHES
                                 if f in self.kernel.symbols})
        self.in_flight = self.deferred() == deferred
        if not self.in_flight:
            self._await_initiator([INITIATOR])
        return not self.in_flight

    def await_answer(self):
        """Let both run until a waiting initiator has its answer."""
        if self.in_flight:
            self._await_initiator(BOTH)
            self.in_flight = False

    def finish(self):
        """Let both run until the target has entered again and read; stale reads."""
        stale = self.results()[1]
        self.await_answer()
        self.command("FINISH")
        return self.results()[1] - stale

    # The target

    def run_to(self, pc, rsp=None):
        """Run the target alone to an instruction (with that stack pointer)."""
        while True:
            self._wait([TARGET], {(TARGET, pc)})
            if rsp is None or self.where()[1] == rsp:
                return
            self.remote.step(TARGET)

    def run_to_any(self, places):
        """Run the target alone to one of some instructions."""
        self._wait([TARGET], {(TARGET, pc) for pc in places})

    def step(self):
        """One instruction of entry text; a call of other text is one step.  The address."""
        pc = self.remote.step(TARGET)
        if pc < 1 << 63 or pc in self.entry_text:
            return pc
        rsp = self.remote.register(TARGET, RSP)
        back = self.remote.read_longs(TARGET, rsp, 1)[0]
        self.run_to(back, rsp + 8)
        return back

    def frame(self):
        """Instruction and stack pointer in the frame of the exception that begins."""
        rip, _, _, rsp = self.remote.read_longs(TARGET, self.where()[1], 4)
        return rip, rsp

    def raise_nmi(self):
        """The target takes an NMI where it is held, and is held at the NMI's entry."""
        here = self.where()
        self.remote.monitor("nmi")
        self.run_to(self.kernel["asm_exc_nmi"])
        if self.frame() != here:
            raise Lost("the NMI was taken at %#x instead of %#x" % (self.frame()[0], here[0]))

    def nmi_count(self):
        """Number of NMIs that the target's handler has seen."""
        return self._nmi()[1]

    def _nmi(self):
        address = self.address["oracle_nmi"]
        return struct.unpack("<4i", struct.pack("<2Q", *self._kernel_longs(address, 2)))

    def nmi_read(self):
        """What the last handler read: "fresh", "stale" or "unread"."""
        _, _, seen, mapped = self._nmi()
        if mapped < 0:
            return "unread"
        return "fresh" if seen == mapped else "stale"

    def nmi(self):
        """An NMI at the instruction, to its return; what its handler read (nmi_read)."""
        pc, rsp = self.where()
        count = self.nmi_count()
        self.raise_nmi()
        self.run_to(pc, rsp)
        if self.nmi_count() != count + 1:
            raise Lost("%d handlers for one NMI" % (self.nmi_count() - count))
        return self.nmi_read()
