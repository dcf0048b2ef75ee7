# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The object code of the files that the series touches: build it, compare it.
# Sourced after lib.sh by a script that then sets WORK, where each build has a
# directory.

# percpu.c includes percpu-vm.c
objects() {
	"$TOP/vm/overlay" list | while read -r file; do
		case $file in
		*/asm-offsets.c)	;;
		mm/percpu-vm.c)	echo mm/percpu.o ;;
		arch/*.[cS]|kernel/*.[cS]|mm/*.[cS])
			[ ! -e "$BUILD/$BASE/orig/$file" ] || echo "${file%.*}.o" ;;
		esac
	done | sort
}

# build_objects NAME TREE FRAGMENT...: into $WORK/NAME
build_objects() {
	local dir=$WORK/$1 tree=$2 cc=gcc
	shift 2
	command -v ccache > /dev/null && cc="ccache gcc"
	mkdir -p "$dir"
	"$TOP/vm/configure" "$tree" "$dir" "$@"
	# shellcheck disable=SC2046
	make -C "$tree" O="$dir" CC="$cc" -j"$(nproc)" $(objects) > "$dir/build.log" 2>&1 ||
		die "does not build: see $dir/build.log"
}

# Instructions and what they refer to, without the addresses that say nothing.
code() { # OBJECT
	objdump -dr --no-show-raw-insn "$1" | sed -e '/file format/d' -e 's/^ *[0-9a-f]*:\t//'
}

# same_code NAME NAME OBJECT: leaves both in $WORK/a and $WORK/b
same_code() {
	code "$WORK/$1/$3" > "$WORK/a"
	code "$WORK/$2/$3" > "$WORK/b"
	cmp -s "$WORK/a" "$WORK/b"
}
