# SPDX-License-Identifier: GPL-2.0
"""A client of QEMU's gdb stub.

gdb itself resumes all CPUs or one.  This client runs any set of them and holds the
others (vCont with an action for some threads only).
"""

import socket
import struct
import time

RSP, RIP, FLAGS, CS = 7, 16, 17, 18     # register numbers of the stub
TRIES = 100
LATE_STOPS = 4


class RemoteError(Exception):
    """The stub does not do what was asked."""


class Remote:
    """A connection to the stub at path, a Unix socket.

    The guest is stopped except in run() and step().  timeout is in seconds.  A thread
    is a CPU number + 1.  Each method raises RemoteError if the stub fails.
    """

    def __init__(self, path, timeout):
        self.timeout = timeout
        self.buffer = b""
        self.thread = None
        self.socket = self._connect(path)
        self.breakpoints = set()
        self._synchronise()
        # Only after this does the stub answer for single registers.
        self.ask("qXfer:features:read:target.xml:0,ffb")

    def _connect(self, path):
        for _ in range(TRIES):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(self.timeout)
            try:
                s.connect(path)
                return s
            except OSError:
                s.close()
                time.sleep(0.05)
        raise RemoteError("cannot connect to " + path)

    def _synchronise(self):
        """Connecting stops the guest; the stub may report that before it answers."""
        self._send("?")
        self._send("qC")
        while not self._receive().startswith("QC"):
            pass

    def _send(self, text):
        data = text.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))

    def _receive(self):
        while True:
            start = self.buffer.find(b"$")
            end = self.buffer.find(b"#", start)
            if start >= 0 and 0 <= end and len(self.buffer) >= end + 3:
                reply = self.buffer[start + 1:end].decode("latin-1")
                self.buffer = self.buffer[end + 3:]
                self.socket.sendall(b"+")
                return reply
            try:
                more = self.socket.recv(65536)
            except socket.timeout as e:
                raise RemoteError("no answer in %d s" % self.timeout) from e
            if not more:
                raise RemoteError("the guest is gone")
            self.buffer += more

    def ask(self, text):
        """Send a packet and return the answer."""
        self._send(text)
        return self._receive()

    def order(self, text):
        """Send a packet that is answered by OK."""
        answer = self.ask(text)
        if answer != "OK":
            raise RemoteError("%s: %s" % (text, answer or "not supported"))

    def monitor(self, command):
        """Give QEMU's monitor a command."""
        self._send("qRcmd," + command.encode().hex())
        while (answer := self._receive()) != "OK":
            if not answer.startswith("O"):
                raise RemoteError("monitor %s: %s" % (command, answer))

    def _select(self, thread):
        if self.thread != thread:
            self.order("Hg%x" % thread)
            self.thread = thread

    def register(self, thread, number):
        """The value of a register, by the stub's number."""
        self._select(thread)
        raw = bytes.fromhex(self.ask("p%x" % number))
        return int.from_bytes(raw, "little")

    def read(self, thread, address, size):
        """size bytes of memory, by the page tables of a CPU, not by its TLB."""
        self._select(thread)
        answer = self.ask("m%x,%x" % (address, size))
        if len(answer) != 2 * size:
            raise RemoteError("cannot read %#x: %s" % (address, answer))
        return bytes.fromhex(answer)

    def read_longs(self, thread, address, n):
        """A tuple of n 64-bit values."""
        return struct.unpack("<%dQ" % n, self.read(thread, address, 8 * n))

    def write_longs(self, thread, address, *values):
        """Write 64-bit values."""
        self._select(thread)
        data = struct.pack("<%dQ" % len(values), *values)
        self.order("M%x,%x:%s" % (address, len(data), data.hex()))

    def break_at(self, addresses):
        """Set breakpoints at these addresses, and remove all others."""
        for address in self.breakpoints - set(addresses):
            self.order("z1,%x,1" % address)
        for address in set(addresses) - self.breakpoints:
            self.order("Z1,%x,1" % address)
        self.breakpoints = set(addresses)

    def _resume(self, action, threads):
        answer = self.ask("vCont" + "".join(";%s:%x" % (action, t) for t in threads))
        if not answer.startswith("T05"):
            raise RemoteError("stopped by " + answer)
        thread = int(answer.split("thread:")[1].split(";")[0], 16)
        self.thread = thread    # the stub selects the one that stopped
        return thread, self.register(thread, RIP)

    def step(self, thread):
        """Run one instruction of one CPU; the address of the next one."""
        before = self.register(thread, RIP), self.register(thread, RSP)
        for _ in range(LATE_STOPS):
            self._resume("s", [thread])
            pc = self.register(thread, RIP)
            if (pc, self.register(thread, RSP)) != before:
                return pc
        raise RemoteError("CPU %d does not leave %#x" % (thread - 1, pc))

    def run(self, threads):
        """Run CPUs to a breakpoint: (thread that stopped, its address).

        If two reach a breakpoint at the same time, the stub stops a second time at the
        next run, with nothing done since.
        """
        return self._resume("c", threads)

    def interrupt(self):
        """Stop a guest that is running after a time-out."""
        self.socket.sendall(b"\x03")
        self._receive()
        self.thread = None

    def kill(self):
        """End the guest."""
        self._send("k")

    def detach(self):
        """Let the guest go."""
        self.break_at(())
        self.ask("D")
        self.socket.close()
