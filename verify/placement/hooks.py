# SPDX-License-Identifier: GPL-2.0
"""Addresses of the hooks: in the sources, in the built kernel, in the running one.

A hook begins with an alternative for X86_FEATURE_COALESCE_TLBI: a jump over the
hook, which the running kernel replaces.  So .altinstructions of vmlinux has the
first address of every hook, and the jump has its end.

HookError: sources and kernel do not agree.
"""

import bisect
import re
import struct
import subprocess
import tempfile
from pathlib import Path

MACRO = re.compile(r"^\s*COALESCE_TLBI_(PARANOID_)?(ENTER|EXIT)\b", re.M)
FRED = "asm_fred_"


class HookError(Exception):
    """Sources and kernel do not agree."""


def uses_in_sources(tree):
    """Number of hooks in the entry code of a source tree."""
    return sum(len(MACRO.findall(f.read_text()))
               for f in Path(tree, "arch/x86/entry").glob("**/*.S"))


def feature_number(tree, name="COALESCE_TLBI"):
    """X86_FEATURE_<name> as a number."""
    text = Path(tree, "arch/x86/include/asm/cpufeatures.h").read_text()
    found = re.search(r"X86_FEATURE_" + name + r"\s+\(\s*(\d+)\*32\+\s*(\d+)\)", text)
    if not found:
        raise HookError("no X86_FEATURE_%s in %s" % (name, tree))
    return int(found.group(1)) * 32 + int(found.group(2))


def output(*command):
    """What a command prints; CalledProcessError if it fails."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


class Kernel:
    """Symbols and sections of vmlinux.  kernel[name] is an address."""

    def __init__(self, vmlinux):
        self.vmlinux = vmlinux
        self.symbols = {}
        text = []
        for line in output("nm", vmlinux).splitlines():
            address, kind, name = line.rsplit(maxsplit=2)
            self.symbols[name] = int(address, 16)
            if kind in "tT":
                text.append((int(address, 16), name))
        self.text = sorted(text)

    def __getitem__(self, name):
        if name not in self.symbols:
            raise HookError("no symbol %s in %s" % (name, self.vmlinux))
        return self.symbols[name]

    def near(self, address):
        """Name of the last text symbol at or before an address."""
        return self.text[bisect.bisect(self.text, (address, "\x7f")) - 1][1]

    def section(self, name):
        """(address, contents) of a section."""
        for line in output("readelf", "-SW", self.vmlinux).splitlines():
            fields = line.split("]", 1)[-1].split()
            if fields and fields[0] == name:
                address, offset, size = (int(f, 16) for f in fields[2:5])
                with open(self.vmlinux, "rb") as f:
                    f.seek(offset)
                    return address, f.read(size)
        raise HookError("no section %s in %s" % (name, self.vmlinux))


class Hook:
    """One use of a hook: a name, its first address, and the address after it."""

    def __init__(self, name, start, end):
        self.name, self.start, self.end = name, start, end
        self.needed = set()     # its instructions, once the running text is known
        self.reached = set()

    def contains(self, address):
        """Is this one of its instructions?"""
        return self.start <= address < self.end


def alternative_format(tree):
    """Layout of struct alt_instr: with flags beside the feature's number, or without."""
    text = Path(tree, "arch/x86/include/asm/alternative.h").read_text()
    body = re.search(r"^struct alt_instr \{(.*?)^\} __packed;", text, re.M | re.S).group(1)
    return "<iiHBB" if re.search(r"u16\s+cpuid;", body) else "<iiIBB"


def alternatives(tree, kernel, feature):
    """Yield (address, length) of the alternatives for a feature."""
    base, data = kernel.section(".altinstructions")
    layout = alternative_format(tree)
    for at in range(0, len(data), struct.calcsize(layout)):
        where, _, flags, length, _ = struct.unpack_from(layout, data, at)
        if flags & 0xFFFF == feature:
            yield base + at + where, length


def jump_target(code, address):
    """The target of an unconditional jump at address."""
    if code[0] == 0xEB:
        return address + 2 + struct.unpack_from("<b", code, 1)[0]
    if code[0] == 0xE9:
        return address + 5 + struct.unpack_from("<i", code, 1)[0]
    raise HookError("the alternative at %#x does not begin with a jump" % address)


def find(tree, kernel):
    """All hooks by address, named by the symbol before them and a number."""
    entry_text = range(kernel["__entry_text_start"], kernel["__entry_text_end"])
    hooks, seen = [], {}
    for address, _ in sorted(alternatives(tree, kernel, feature_number(tree))):
        name = kernel.near(address)
        if address not in entry_text and not name.startswith(FRED):
            continue
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name += " #%d" % seen[name]
        end = jump_target(code_in_file(kernel, address), address)
        hooks.append(Hook(name, address, end))
    if len(hooks) != uses_in_sources(tree):
        raise HookError("%d hooks in the sources, %d in the kernel" %
                        (uses_in_sources(tree), len(hooks)))
    return hooks


def code_in_file(kernel, address):
    """The first 5 bytes of an instruction as built."""
    base, data = kernel.section(".text")
    return data[address - base:address - base + 5]


def instructions(code, address):
    """Yield the addresses of the instructions in some bytes, except no-ops."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(code)
        f.flush()
        text = output("objdump", "-D", "-b", "binary", "-m", "i386:x86-64",
                      "--adjust-vma=%#x" % address, f.name)
    for line in text.splitlines():
        found = re.match(r"\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)", line)
        if found and not re.match(r"(nop|xchg\s+%ax,%ax|data16|cs nop)", found.group(2)):
            yield int(found.group(1), 16)
