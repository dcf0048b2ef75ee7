# SPDX-License-Identifier: GPL-2.0
"""What refers to a function of the kernel, read from its built image.

A reference is a call, a jump, an address in an instruction or a pointer in data.
vmlinux is disassembled by objdump; modules have relocations.  The symbols of a
vmlinux without symbol table are those that it carries for /proc/kallsyms.
"""

import bisect
import re
import struct
import subprocess
from array import array
from collections import namedtuple

Section = namedtuple("Section", "name type flags addr offset size link info")
Symbol = namedtuple("Symbol", "name section value size type")
Reference = namedtuple("Reference", "user target where")

ALLOCATED, EXECUTABLE = 2, 4
NOBITS, RELA = 8, 4

# Tables of the addresses of functions: they call nothing
TABLES = re.compile(r"__start_(mcount_loc|kprobe_blacklist|ftrace_eval_maps)|__ksymtab_|"
                    r"__kstrtab|__UNIQUE_ID|__ADDRESSABLE|_kbl_addr_|__patchable")
TABLE_SECTIONS = re.compile(r"\.rela(__ksymtab|__mcount_loc|_kprobe_blacklist|\.orc|\.return_sites|"
                            r"\.call_sites|\.retpoline_sites|\.ibt_endbr_seal|__patchable|"
                            r"\.discard|\.debug|\.BTF|__bug_table|__ex_table|\.static_call_sites|"
                            r"\.export_symbol|\.smp_locks|__tracepoints_ptrs)")
# What the compiler appends to the name of a copy or of a part of a function
PARTS = re.compile(r"(\.(isra|constprop|part|cold|llvm)(\.\d+)?)+$")


class ImageError(Exception):
    """An image that cannot be read."""


def plain(name):
    """The name of the function in the source."""
    return PARTS.sub("", name)


class Elf:
    """Sections, symbols and relocations of an ELF file."""

    def __init__(self, data, name):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ImageError("%s: not a 64-bit ELF file" % name)
        self.data = data
        offset, = struct.unpack_from("<Q", data, 40)
        count, names = struct.unpack_from("<HH", data, 60)
        raw = [struct.unpack_from("<IIQQQQIIQQ", data, offset + 64 * i) for i in range(count)]
        strings = raw[names][4]
        self.sections = [Section(self._string(strings + r[0]), r[1], *r[2:8]) for r in raw]

    def _string(self, offset):
        return self.data[offset:self.data.index(b"\0", offset)].decode("ascii", "replace")

    def bytes(self, section):
        """The contents of a section."""
        return self.data[section.offset:section.offset + section.size]

    def symbols(self):
        """All symbols, in the order of the symbol table."""
        found = [s for s in self.sections if s.type == 2]
        if not found:
            return []
        strings = self.sections[found[0].link].offset
        return [Symbol(self._string(strings + name), shndx, value, size, info & 15)
                for name, info, _, shndx, value, size
                in struct.iter_unpack("<IBBHQQ", self.bytes(found[0]))]

    def relocations(self):
        """(section that is patched, offset, index of symbol, addend) of each."""
        for section in self.sections:
            if section.type != RELA or TABLE_SECTIONS.match(section.name):
                continue
            for offset, info, addend in struct.iter_unpack("<QQq", self.bytes(section)):
                yield section.info, offset, info >> 32, addend


class Addresses:
    """Names of addresses, in one section of a module or in all of vmlinux."""

    def __init__(self, pairs):
        by_address = {}
        for address, name in pairs:
            if not name.startswith(("__pfx_", "__cfi_", ".L", "$")) and name:
                by_address.setdefault(address, []).append(name)
        self.starts = sorted(by_address)
        self.names = [sorted(by_address[a])[0] for a in self.starts]

    def name(self, address):
        """The symbol that an address is in."""
        i = bisect.bisect_right(self.starts, address) - 1
        return self.names[i] if i >= 0 else "?"

    def start(self, address):
        """Where that begins."""
        return self.starts[bisect.bisect_right(self.starts, address) - 1]


# /proc/kallsyms

def _align(position, to):
    return -(-position // to) * to


def _token_table(data):
    """(table of the 256 tokens, end of its index)."""
    digits = b"".join(b"%d\0" % i for i in range(10))
    zero = data.find(digits)
    while zero >= 0:
        end = zero
        for _ in range(256 - ord("0")):
            end = data.index(b"\0", end) + 1
        for index in range(end, end + 8):
            if index % 2:
                continue
            offsets = struct.unpack_from("<256H", data, index)
            start = zero - offsets[ord("0")]
            if offsets[0] == 0 and data[start - 1:start] == b"\0" and list(offsets) == \
                    sorted(set(offsets)) and data[start + offsets[255] - 1] == 0:
                tokens = [data[start + o:data.index(b"\0", start + o)] for o in offsets]
                return tokens, index + 512
        zero = data.find(digits, zero + 1)
    raise ImageError("no names for /proc/kallsyms")


def _names(data, position, count, tokens):
    """The names, type first."""
    names = []
    for _ in range(count):
        length = data[position]
        position += 1
        if length & 0x80:
            length = length & 0x7f | data[position] << 7
            position += 1
        names.append(b"".join(map(tokens.__getitem__, data[position:position + length])))
        position += length
    return names


def kallsyms(data):
    """[(address, name)] from the tables of scripts/kallsyms.c since Linux 6.4."""
    tokens, position = _token_table(data)
    offsets = _align(position, 8)
    base = offsets
    while not 0xffffffff80000000 <= struct.unpack_from("<Q", data, base)[0] < 0xffffffffff000000 \
            or struct.unpack_from("<Q", data, base)[0] & 0xfffff:
        base += 8
    relative, = struct.unpack_from("<Q", data, base)
    for count in ((base - offsets) // 4, (base - offsets) // 4 - 1):
        start = data.rfind(struct.pack("<I", count), 0, offsets)
        while start >= 0:
            try:
                names = _names(data, _align(start + 4, 8), count, tokens)
            except IndexError:
                names = []
            if names and all(name[:1].isalpha() for name in names):
                values = struct.unpack_from("<%di" % count, data, offsets)
                return [(v if v >= 0 else relative - 1 - v, name[1:].decode())
                        for v, name in zip(values, names)]
            start = data.rfind(struct.pack("<I", count), 0, start)
    raise ImageError("the tables for /proc/kallsyms cannot be read")


# Instructions

INSTRUCTION = re.compile(r" *([0-9a-f]+):\t(.*)")
RELOCATION = re.compile(r"\t+([0-9a-f]+): R_X86_64_(?:PLT32|PC32)\t([\w.]+)-0x4")
KERNEL_ADDRESS = re.compile(r"(?:0x|\b)(ffffffff[89a-f][0-9a-f]{7})\b")
BELOW = re.compile(r"-0x([0-7][0-9a-f]{7})\(,?%")
FIRST_ARGUMENT = re.compile(r"^(?!cmp|test|push|bt )\w+ .*%[er]di$|^pop +%rdi$|^xor +%edi,%edi")
JUMP = re.compile(r"j\w+ +(?:0x)?([0-9a-f]+)\b")


class Arguments:
    """Whether a call has a constant as its first argument.

    The last instruction before it that writes the register decides.  No jump
    from elsewhere may lead in between.
    """

    def __init__(self, constant):
        self.wanted = re.compile(r"mov +\$0x%x,%%edi$" % constant)
        self.code, self.jumps = [], []

    def add(self, address, text):
        """The next instruction of the function."""
        self.code.append((address, text))
        if text.startswith("j"):
            jump = JUMP.match(text)
            if jump:
                self.jumps.append((address, int(jump.group(1), 16)))

    def constant(self, call):
        """True if the call at this address has the constant."""
        i = bisect.bisect_left(self.code, (call, ""))
        for address, text in reversed(self.code[:i]):
            text = text.split(" <")[0].split(" #")[0].rstrip()
            if FIRST_ARGUMENT.match(text):
                return bool(self.wanted.match(text)) and not any(
                    address < to <= call and not address < source < call
                    for source, to in self.jumps)
            if text.startswith("call"):
                return False
        return False


def disassemble(path, *options):
    """Lines of objdump."""
    with subprocess.Popen(["objdump", "-d", "-w", "--no-show-raw-insn", *options, path],
                          stdout=subprocess.PIPE, text=True, errors="replace") as process:
        yield from process.stdout
    if process.returncode:
        raise ImageError("objdump %s failed" % path)


# References

class Vmlinux:
    """References in a linked vmlinux."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.elf, self.path = Elf(file.read(), path), path
        self.pairs = [(s.value, s.name) for s in self.elf.symbols()
                      if s.section and s.type in (0, 1, 2) and s.value >> 32 == 0xffffffff]
        if not self.pairs:
            self.pairs = [pair for pair in kallsyms(self.elf.data) if pair[0] >> 32 == 0xffffffff]
        self.addresses = Addresses(self.pairs)
        self.slots = {}     # {object: offsets of pointers that are watched}

    def functions(self):
        """{name: its addresses} of all functions."""
        text = [(s.addr, s.addr + s.size) for s in self.elf.sections if s.flags & EXECUTABLE]
        functions = {}
        for address, name in self.pairs:
            if not name.endswith(".cold") and any(a <= address < b for a, b in text):
                functions.setdefault(plain(name), []).append(address)
        return functions

    def pointers(self, watched):
        """References from data; watched is {address: name}."""
        for section in self.elf.sections:
            if section.flags & (ALLOCATED | EXECUTABLE) != ALLOCATED or section.type == NOBITS:
                continue
            data = self.elf.bytes(section)
            for i, value in enumerate(array("Q", data[:len(data) // 8 * 8])):
                if value in watched:
                    address = section.addr + 8 * i
                    user = self.addresses.name(address)
                    if not TABLES.match(user):
                        yield Reference(user, watched[value], address)

    def references(self, names, relayed, unbound, constant):
        """References to functions of these names, by function or object.

        relayed: objects whose pointers to those functions are watched as well;
        unbound: names whose first argument is a CPU, if it is not the constant.
        """
        watched = {address: name for name, addresses in self.functions().items()
                   if name in names for address in addresses}
        for reference in self.pointers(dict(watched)):
            yield reference
            if reference.user in relayed:
                watched[reference.where] = reference.user
                start = self.addresses.start(reference.where)
                self.slots.setdefault(reference.user, set()).add(reference.where - start)
        yield from self.instructions(watched, unbound, constant)

    def instructions(self, watched, unbound, constant):
        """References from instructions."""
        user, arguments, calls = None, None, []
        starts = set(self.addresses.starts)

        def finish():
            for call, target in calls:
                if not arguments.constant(call):
                    yield Reference(user, target, call)
        for line in disassemble(self.path):
            if not line.startswith("ffffffff") or line.endswith(">:\n"):
                continue
            number, _, text = line.partition(":\t")
            address = int(number, 16)
            if address in starts:
                if calls:
                    yield from finish()
                user, arguments, calls = None, Arguments(constant), []
            if arguments:
                arguments.add(address, text)
            found = set()
            if "ffffffff" in text:
                found = {int(a, 16) for a in KERNEL_ADDRESS.findall(text)}
            elif "-0x7" in text:
                found = {(1 << 64) - int(a, 16) for a in BELOW.findall(text)}
            for target in found & watched.keys():
                user = user or self.addresses.name(address)
                if watched[target] in unbound:
                    calls.append((address, watched[target]))
                else:
                    yield Reference(user, watched[target], address)
        if calls:
            yield from finish()


class Module:
    """References in a module or another relocatable file."""

    def __init__(self, data, name, path=None):
        self.elf, self.name, self.path = Elf(data, name), name, path

    def references(self, names, slots, unbound, constant):
        """As Vmlinux.references(); slots are those of vmlinux."""
        symbols = self.elf.symbols()
        wanted = {i: plain(s.name) for i, s in enumerate(symbols)
                  if plain(s.name) in names or s.name in slots}
        if not wanted:
            return
        by_section = {}
        for symbol in symbols:
            if symbol.type in (1, 2):
                by_section.setdefault(symbol.section, []).append((symbol.value, symbol.name))
        places = {section: Addresses(pairs) for section, pairs in by_section.items()}
        bound = None
        for section, offset, index, addend in self.elf.relocations():
            if index not in wanted:
                continue
            target = wanted[index]
            if target in slots and not slots[target] & {addend, addend + 4}:
                continue
            if target in unbound and self.elf.sections[section].flags & EXECUTABLE:
                if bound is None:
                    bound = self.bound_calls(unbound, constant)
                if (self.elf.sections[section].name, offset) not in bound:
                    continue
            place = places.get(section)
            user = place.name(offset) if place else self.elf.sections[section].name
            if not TABLES.match(user):
                yield Reference(user, target, offset)

    def bound_calls(self, unbound, constant):
        """(section, offset of relocation) of calls whose first argument is not the constant."""
        result, section, arguments, last = set(), None, None, 0
        for line in disassemble(self.path, "-r"):
            if line.startswith("Disassembly of section "):
                section = line.split()[-1].rstrip(":")
            elif line.endswith(">:\n"):
                arguments = Arguments(constant)
            elif line.startswith(" "):
                address, text = INSTRUCTION.match(line).groups()
                text, _, relocation = text.partition("\t")
                last = int(address, 16)
                arguments.add(last, text)
                match = RELOCATION.match("\t" + relocation)
                if match and plain(match.group(2)) in unbound and not arguments.constant(last):
                    result.add((section, int(match.group(1), 16)))
        return result
