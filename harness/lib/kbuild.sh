# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Building a kernel with kbuild's CROSS_COMPILE and LLVM.  Sourced after lib.sh.

# The compiler that kbuild would use
compiler() {
	case ${LLVM:-} in
	"")	echo "${CROSS_COMPILE:-}gcc" ;;
	-*)	echo "clang$LLVM" ;;
	*/)	echo "${LLVM}clang" ;;
	*)	echo clang ;;
	esac
}

# A base directory of the user's ccache would put other paths into the objects, and
# the object code of two trees would differ.
export CCACHE_BASEDIR=

# make_in TREE DIR ARGUMENT...: kbuild's make, with ccache where that is
# installed
make_in() {
	local source=$1 dir=$2 cc
	shift 2
	cc=$(compiler)
	! command -v ccache > /dev/null || cc="ccache $cc"
	make -C "$source" O="$dir" CC="$cc" -j"$(nproc)" "$@"
}

# show_progress NAME OBJECTS: count what kbuild prints; on a terminal against
# OBJECTS, what a cold build prints.
show_progress() {
	local line n=0
	while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
		"  CC "*|"  AS "*|"  LD "*|"  AR "*)
			n=$((n + 1))
			[ $((n % 10)) = 0 ] &&
				progress "building $1: $n objects (about $2 in a cold build)" ;;
		esac
	done
	progress_end
}

# kbuild NAME OBJECTS TARGET...: build $TREE in $OBJ, or die with the first
# errors; leaves build.log there
kbuild() {
	local name=$1 objects=$2
	shift 2
	{ make_in "$TREE" "$OBJ" "$@" 2>&1 || echo "build failed"; } | show_progress "$name" "$objects" \
		> "$OBJ/build.log"
	if grep -q '^build failed' "$OBJ/build.log"; then
		grep -E -m 5 'error:|undefined reference|\*\*\* ' "$OBJ/build.log" >&2 || true
		die "the kernel does not build: see $OBJ/build.log"
	fi
}
