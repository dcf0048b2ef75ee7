// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel: sections, symbols, sites that are patched at run time.
 *
 * Alternatives aside, nothing that is patched before user mode exists needs a model
 * here.  .return_sites turn a jump to __x86_return_thunk into a return, and the
 * walk treats the jump as one.  .retpoline_sites and .call_sites belong to calls:
 * pre-hook entry code has two, which callthunks.c does not patch.  .ibt_endbr_seal
 * turns ENDBR into a NOP.
 */
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audit.h"

#define NAMES		1048576

struct section {
	const char *name;
	u64 addr;
	u64 size;
	u8 *data;		/* NULL: zeroes */
	u8 *pristine;
	bool exec;
	bool percpu;
};

struct site {
	u64 addr;
	const char *what;
};

static struct section *sections;
static size_t nr_sections;
static struct symbol *symbols;
static size_t nr_symbols;
static struct symbol *by_name[NAMES];
static struct site *sites;
static size_t nr_sites;

static int by_symbol(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->percpu != y->percpu)
		return x->percpu - y->percpu;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int by_site(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static void add_section(Elf *elf, Elf_Scn *scn, size_t strings)
{
	struct section *sec;
	Elf_Data *data;
	GElf_Shdr hdr;

	if (!gelf_getshdr(scn, &hdr))
		die("section header: %s", elf_errmsg(-1));
	sections = xgrow(sections, nr_sections, sizeof(*sections));
	sec = &sections[nr_sections++];
	memset(sec, 0, sizeof(*sec));
	sec->name = elf_strptr(elf, strings, hdr.sh_name);
	if (!(hdr.sh_flags & SHF_ALLOC))
		return;
	sec->addr = hdr.sh_addr;
	sec->size = hdr.sh_size;
	sec->exec = hdr.sh_flags & SHF_EXECINSTR;
	sec->percpu = !strcmp(sec->name, ".data..percpu");
	if (hdr.sh_type == SHT_NOBITS)
		return;
	data = elf_rawdata(scn, NULL);
	if (!data || data->d_size != sec->size)
		die("section %s: %s", sec->name, elf_errmsg(-1));
	sec->data = data->d_buf;
	if (sec->exec) {
		sec->data = xcalloc(1, sec->size);
		memcpy(sec->data, data->d_buf, sec->size);
		sec->pristine = xcalloc(1, sec->size);
		memcpy(sec->pristine, data->d_buf, sec->size);
	}
}

static size_t hash(const char *name)
{
	size_t h = 5381;

	while (*name)
		h = h * 33 + (u8)*name++;
	return h % NAMES;
}

/* Of several symbols with one name, the first is found. */
static void hash_symbols(void)
{
	for (size_t i = 0; i < nr_symbols; i++) {
		size_t h = hash(symbols[i].name);

		while (by_name[h])
			h = (h + 1) % NAMES;
		by_name[h] = &symbols[i];
	}
}

static void read_symbols(Elf *elf, Elf_Scn *scn)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Shdr hdr;
	GElf_Sym sym;

	if (!data || !gelf_getshdr(scn, &hdr))
		die("symbol table: %s", elf_errmsg(-1));
	symbols = xcalloc(hdr.sh_size / hdr.sh_entsize, sizeof(*symbols));
	for (size_t i = 0; i < hdr.sh_size / hdr.sh_entsize; i++) {
		gelf_getsym(data, i, &sym);
		if (GELF_ST_TYPE(sym.st_info) == STT_SECTION ||
		    GELF_ST_TYPE(sym.st_info) == STT_FILE ||
		    sym.st_shndx == SHN_UNDEF || sym.st_shndx >= nr_sections)
			continue;
		symbols[nr_symbols++] = (struct symbol) {
			.name = elf_strptr(elf, hdr.sh_link, sym.st_name),
			.addr = sym.st_value,
			.size = sym.st_size,
			.percpu = sections[sym.st_shndx].percpu,
		};
	}
	qsort(symbols, nr_symbols, sizeof(*symbols), by_symbol);
	if (nr_symbols >= NAMES / 2)
		die("%zu symbols are more than expected", nr_symbols);
	hash_symbols();
}

/* A table of another format must not look like one without sites in entry code. */
static void add_site(u64 addr, const char *what)
{
	if (!image_is_text(addr))
		die("%s: %#lx is not text: another format?", what, (unsigned long)addr);
	sites = xgrow(sites, nr_sites, sizeof(*sites));
	sites[nr_sites++] = (struct site) { addr, what };
}

/* Entries of @step bytes that begin with a 32-bit offset from themselves. */
static void add_relative(u64 start, u64 end, unsigned int step, const char *what)
{
	for (; start < end; start += step)
		add_site(start + (s32)image_u32(start), what);
}

static void read_sites(void)
{
	u64 p, end;

	for (size_t i = 0; i < nr_sections; i++) {
		struct section *sec = &sections[i];

		if (!strcmp(sec->name, ".smp_locks"))
			for (p = sec->addr; p < sec->addr + sec->size; p += 4)
				/* The linker pads to the end of the page. */
				if (image_u32(p))
					add_site(p + (s32)image_u32(p), ".smp_locks");
		if (!strncmp(sec->name, "runtime_", 8))
			add_relative(sec->addr, sec->addr + sec->size, 4, sec->name);
	}
	if (symbol_find("__start___jump_table"))
		add_relative(symbol_addr("__start___jump_table"),
			     symbol_addr("__stop___jump_table"), 16, "__jump_table");
	if (symbol_find("__start_static_call_sites"))
		add_relative(symbol_addr("__start_static_call_sites"),
			     symbol_addr("__stop_static_call_sites"), 8, "static_call_sites");
	if (symbol_find("__start_mcount_loc")) {
		end = symbol_addr("__stop_mcount_loc");
		for (p = symbol_addr("__start_mcount_loc"); p < end; p += 8)
			/* Zeroes are functions that the linker left out. */
			if (image_u64(p))
				add_site(image_u64(p), "__mcount_loc");
	}
	qsort(sites, nr_sites, sizeof(*sites), by_site);
}

/**
 * image_open() - Read a vmlinux
 * @path: its name
 */
void image_open(const char *path)
{
	Elf_Scn *scn = NULL, *symtab = NULL;
	size_t strings;
	GElf_Ehdr head;
	GElf_Shdr hdr;
	Elf *elf;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		die("%s: cannot be opened", path);
	if (elf_version(EV_CURRENT) == EV_NONE)
		die("libelf: %s", elf_errmsg(-1));
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || !gelf_getehdr(elf, &head) || head.e_machine != EM_X86_64 ||
	    elf_getshdrstrndx(elf, &strings))
		die("%s: not an x86-64 vmlinux", path);
	add_section(elf, elf_getscn(elf, 0), strings);
	while ((scn = elf_nextscn(elf, scn))) {
		add_section(elf, scn, strings);
		if (gelf_getshdr(scn, &hdr) && hdr.sh_type == SHT_SYMTAB)
			symtab = scn;
	}
	if (!symtab)
		die("%s: no symbols", path);
	read_symbols(elf, symtab);
	read_sites();
}

static struct section *section_of(u64 addr, size_t len)
{
	for (size_t i = 0; i < nr_sections; i++) {
		struct section *sec = &sections[i];

		if (!sec->percpu && addr >= sec->addr && addr - sec->addr < sec->size &&
		    len <= sec->size - (addr - sec->addr))
			return sec;
	}
	return NULL;
}

/**
 * image_section() - Find a section by name
 * @name: the name
 * @addr: set to its address
 * @size: set to its size
 *
 * Return: its contents, or NULL if there is none.
 */
const u8 *image_section(const char *name, u64 *addr, u64 *size)
{
	for (size_t i = 0; i < nr_sections; i++)
		if (!strcmp(sections[i].name, name)) {
			*addr = sections[i].addr;
			*size = sections[i].size;
			return sections[i].data;
		}
	return NULL;
}

/**
 * image_reset() - Undo all alternatives
 */
void image_reset(void)
{
	for (size_t i = 0; i < nr_sections; i++)
		if (sections[i].pristine)
			memcpy(sections[i].data, sections[i].pristine, sections[i].size);
}

/**
 * image_change() - Change the text, for a control
 * @addr: where
 * @bytes: the new bytes
 * @len: their number
 */
void image_change(u64 addr, const u8 *bytes, size_t len)
{
	struct section *sec = section_of(addr, len);

	if (!sec || !sec->exec)
		die("%s is not text", symbol_text(addr, false));
	memcpy(sec->data + (addr - sec->addr), bytes, len);
	memcpy(sec->pristine + (addr - sec->addr), bytes, len);
}

/**
 * image_add_site() - Add a site that is patched at run time, for a control
 * @addr: where
 */
void image_add_site(u64 addr)
{
	add_site(addr, "a table");
	qsort(sites, nr_sites, sizeof(*sites), by_site);
}

/**
 * image_bytes() - Find the contents of an address
 * @addr: the address
 * @len: number of bytes that are wanted
 *
 * Return: the bytes, or NULL if the image does not have them.
 */
u8 *image_bytes(u64 addr, size_t len)
{
	struct section *sec = section_of(addr, len);

	return sec && sec->data ? sec->data + (addr - sec->addr) : NULL;
}

/**
 * image_u32() - Read 32 bits
 * @addr: where
 *
 * Return: their value.
 */
u32 image_u32(u64 addr)
{
	u8 *p = image_bytes(addr, 4);
	u32 v;

	if (!p)
		die("the image has nothing at %#lx", (unsigned long)addr);
	memcpy(&v, p, sizeof(v));
	return v;
}

/**
 * image_u64() - Read 64 bits
 * @addr: where
 *
 * Return: their value.
 */
u64 image_u64(u64 addr)
{
	return image_u32(addr) | (u64)image_u32(addr + 4) << 32;
}

/**
 * image_is_text() - Is an address in an executable section?
 * @addr: the address
 *
 * Return: true if it is.
 */
bool image_is_text(u64 addr)
{
	struct section *sec = section_of(addr, 1);

	return sec && sec->exec;
}

/**
 * symbol_find() - Look up a name
 * @name: the name
 *
 * Return: the symbol, or NULL.
 */
const struct symbol *symbol_find(const char *name)
{
	for (size_t i = hash(name); by_name[i]; i = (i + 1) % NAMES)
		if (!strcmp(by_name[i]->name, name))
			return by_name[i];
	return NULL;
}

/**
 * symbol_addr() - The address of a symbol that must exist
 * @name: the name
 *
 * Return: its address.
 */
u64 symbol_addr(const char *name)
{
	const struct symbol *sym = symbol_find(name);

	if (!sym)
		die("the kernel has no symbol %s", name);
	return sym->addr;
}

/**
 * symbol_move() - Put a symbol elsewhere, for a control
 * @name: its name
 * @addr: where
 */
void symbol_move(const char *name, u64 addr)
{
	struct symbol *sym = (struct symbol *)symbol_find(name);

	if (!sym)
		die("the kernel has no symbol %s", name);
	sym->addr = addr;
	qsort(symbols, nr_symbols, sizeof(*symbols), by_symbol);
	memset(by_name, 0, sizeof(by_name));
	hash_symbols();
}

/**
 * symbol_at() - Find the last symbol that begins at or before an address
 * @addr: the address
 * @percpu: it is an offset into per-CPU data
 *
 * Return: the symbol, or NULL.
 */
const struct symbol *symbol_at(u64 addr, bool percpu)
{
	size_t low = 0, high = nr_symbols;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (symbols[mid].percpu < percpu ||
		    (symbols[mid].percpu == percpu && symbols[mid].addr <= addr))
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || symbols[low - 1].percpu != percpu)
		return NULL;
	/* Of several names, the first that has a size */
	for (high = low - 1; high && symbols[high - 1].addr == symbols[low - 1].addr &&
	     symbols[high - 1].percpu == percpu; high--)
		;
	for (size_t i = high; i < low; i++)
		if (symbols[i].size)
			return &symbols[i];
	return &symbols[high];
}

/**
 * symbol_end() - Where the code under a label ends
 * @sym: the label
 *
 * Return: its end by its size, or else the next label.
 */
u64 symbol_end(const struct symbol *sym)
{
	if (sym->size)
		return sym->addr + sym->size;
	for (const struct symbol *next = sym + 1; next < symbols + nr_symbols; next++)
		if (next->addr > sym->addr && next->percpu == sym->percpu)
			return next->addr;
	return sym->addr + 1;
}

/**
 * symbol_text() - Print an address
 * @addr: the address
 * @percpu: it is an offset into per-CPU data
 *
 * Return: name+offset, valid until the eighth call after this.
 */
const char *symbol_text(u64 addr, bool percpu)
{
	const struct symbol *sym = symbol_at(addr, percpu);
	static char text[8][96];
	static int n;

	n = (n + 1) % 8;
	if (!sym)
		snprintf(text[n], sizeof(text[n]), "%#lx", (unsigned long)addr);
	else if (sym->addr == addr)
		snprintf(text[n], sizeof(text[n]), "%s", sym->name);
	else
		snprintf(text[n], sizeof(text[n]), "%s+%#lx", sym->name,
			 (unsigned long)(addr - sym->addr));
	return text[n];
}

/**
 * symbols_in() - Go through the symbols of a range
 * @start: its first address
 * @end: the one after its last
 * @prev: the symbol that was returned last, or NULL
 *
 * Return: the next one, or NULL.
 */
const struct symbol *symbols_in(u64 start, u64 end, const struct symbol *prev)
{
	for (prev = prev ? prev + 1 : symbols; prev < symbols + nr_symbols; prev++)
		if (!prev->percpu && prev->addr >= start && prev->addr < end)
			return prev;
	return NULL;
}

/**
 * patched_site() - Is an instruction patched at run time?
 * @addr: its address
 * @len: its length
 *
 * Return: the table that has it, or NULL.
 */
const char *patched_site(u64 addr, unsigned int len)
{
	size_t low = 0, high = nr_sites;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (sites[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < nr_sites && sites[low].addr < addr + len ? sites[low].what : NULL;
}

/**
 * patched_print() - Print the number of sites in each table
 * @f: the file
 */
void patched_print(FILE *f)
{
	static const char * const tables[] = {
		".smp_locks", "__jump_table", "static_call_sites", "__mcount_loc",
	};
	size_t runtime = 0;

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		size_t n = 0;

		for (size_t i = 0; i < nr_sites; i++)
			n += !strcmp(sites[i].what, tables[t]);
		fprintf(f, "  %-20s %zu\n", tables[t], n);
	}
	for (size_t i = 0; i < nr_sites; i++)
		runtime += !strncmp(sites[i].what, "runtime_", 8);
	fprintf(f, "  %-20s %zu\n", "runtime constants", runtime);
}

/**
 * kprobe_possible() - May a kprobe be put at an address?
 * @addr: the address
 *
 * Return: true unless it is in entry or noinstr text, which kprobes refuse.
 */
bool kprobe_possible(u64 addr)
{
	return !((addr >= symbol_addr("__entry_text_start") &&
		  addr < symbol_addr("__entry_text_end")) ||
		 (addr >= symbol_addr("__noinstr_text_start") &&
		  addr < symbol_addr("__noinstr_text_end")));
}

/**
 * text_sections() - Call a function for each executable section
 * @fn: the function
 */
void text_sections(void (*fn)(u64 addr, u64 len))
{
	for (size_t i = 0; i < nr_sections; i++)
		if (sections[i].exec)
			fn(sections[i].addr, sections[i].size);
}
