# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The object code of the files that the series touches: build it, compare it.
# Sourced after lib.sh.

CODE=$BUILD/$BASE/off-test	# each build has a directory there
PRISTINE=$CODE/pristine

# The patched tree as links, with the pristine files in place of the patched.
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

# percpu.c includes percpu-vm.c
objects() {
	local file
	"$TOP/vm/overlay" list | while read -r file; do
		case $file in
		*/asm-offsets.c)	;;
		mm/percpu-vm.c)	echo mm/percpu.o ;;
		arch/*.[cS]|kernel/*.[cS]|mm/*.[cS])
			[ ! -e "$BUILD/$BASE/orig/$file" ] || echo "${file%.*}.o" ;;
		esac
	done | sort
}

# build_objects NAME TREE FRAGMENT...: into $CODE/NAME
build_objects() {
	local dir=$CODE/$1 tree=$2 cc=gcc
	shift 2
	command -v ccache > /dev/null && cc="ccache gcc"
	mkdir -p "$dir"
	"$TOP/vm/configure" "$tree" "$dir" "$@"
	# shellcheck disable=SC2046
	make -C "$tree" O="$dir" CC="$cc" -j"$(nproc)" $(objects) > "$dir/build.log" 2>&1 ||
		die "does not build: see $dir/build.log"
}

# The flavour that builds every file of the series
CODE_FRAGMENTS=("$TOP/vm/config/base.config" "$TOP/vm/config/trace.config")

build_pristine_objects() { # TREE
	make_pristine "$1"
	cat "${CODE_FRAGMENTS[@]}" | grep -v COALESCE_TLBI > "$CODE/pristine.config"
	build_objects pristine-off "$PRISTINE" "$CODE/pristine.config"
}

# Instructions and what they refer to, without the addresses that say nothing.
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
