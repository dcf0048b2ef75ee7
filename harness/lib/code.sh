# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The object code of the files that the series touches: build it, compare it.
# Sourced after lib.sh.

. "$TOP/harness/lib/kbuild.sh"

CODE=$BUILD/$BASE/off-test	# each build has a directory there
PRISTINE=$CODE/pristine

# A tree of links to the patched one, with the pristine files in it.
make_pristine() { # TREE
	local file
	rm -rf "$PRISTINE"
	mkdir -p "$PRISTINE"
	cp -as "$1/." "$PRISTINE"
	while read -r file; do
		rm -f "$PRISTINE/$file"
		[ ! -e "$BUILD/$BASE/orig/$file" ] || cp "$BUILD/$BASE/orig/$file" "$PRISTINE/$file"
	done < "$BUILD/$BASE/files"
}

# percpu.c includes percpu-vm.c, coalesce_tlbi.c its test
sources() {
	sed -n -e '/\/asm-offsets\.c$/d' -e '/_test\.c$/d' -e 's|^mm/percpu-vm\.c$|mm/percpu.c|' \
		-e '/^\(arch\|kernel\|mm\)\/.*\.[cS]$/p' "$BUILD/$BASE/files" | sort
}

# Those of the kernel's own files
objects() {
	own_objects | comm -23 <(sources | sed 's/\.[cS]$/.o/') -
}

# Those of files that the series adds
own_objects() {
	sources | grep -xF -f "$BUILD/$BASE/added" | sed 's/\.[cS]$/.o/'
}

# build_objects NAME TREE FRAGMENT...: into $CODE/NAME
build_objects() {
	local dir=$CODE/$1 tree=$2
	shift 2
	mkdir -p "$dir"
	"$TOP/harness/kernel/configure" "$tree" "$dir" "$@"
	# shellcheck disable=SC2046
	make_in "$tree" "$dir" $(objects) > "$dir/build.log" 2>&1 ||
		die "does not build: see $dir/build.log"
}

# The flavour that builds every file of the series
CODE_FRAGMENTS=("$TOP/harness/kernel/config/base.config" "$TOP/harness/kernel/config/trace.config")

build_pristine_objects() { # TREE
	make_pristine "$1"
	cat "${CODE_FRAGMENTS[@]}" | grep -v COALESCE_TLBI > "$CODE/pristine.config"
	build_objects pristine-off "$PRISTINE" "$CODE/pristine.config"
}

# Instructions and what they refer to, without addresses, which differ.
code() { # OBJECT
	objdump -dr --no-show-raw-insn "$1" | sed -e '/file format/d' -e 's/^ *[0-9a-f]*:\t//'
}

# same_code NAME NAME OBJECT: leaves both in $CODE/a and $CODE/b
same_code() {
	if [ ! -s "$CODE/$1/$3" ] || [ ! -s "$CODE/$2/$3" ]; then
		die "$3: not built"
	fi
	code "$CODE/$1/$3" > "$CODE/a"
	code "$CODE/$2/$3" > "$CODE/b"
	cmp -s "$CODE/a" "$CODE/b"
}
