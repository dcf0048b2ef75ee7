# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the scripts of the harness share.  Sourced; sets:
#	TOP	the repository
#	BUILD	where everything generated goes
#	BASE	the kernel series in use
# Scripts that fail print a line on standard error and exit with one of these:

# shellcheck disable=SC2034
EXIT_FAILED=1		# a test failed, or the kernel log has a splat
# shellcheck disable=SC2034
EXIT_HARNESS=2		# the harness could not do its work; bad input
# shellcheck disable=SC2034
EXIT_PANICKED=3		# the guest panicked
# shellcheck disable=SC2034
EXIT_TIMED_OUT=4	# the guest did not finish in time
# shellcheck disable=SC2034
EXIT_NO_INIT=5		# the guest never reached init

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$TOP/build

# The first line of harness/kernel/bases
default_base() {
	awk '!/^#/ { print $1; exit }' "$TOP/harness/kernel/bases"
}
BASE=${BASE:-$(default_base)}
export LC_ALL=C
# Called from our Makefile: the makes below are no part of that one.
unset MAKEFLAGS MFLAGS MAKELEVEL

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "$EXIT_HARNESS"
}

# renamed KIND NAME: the new name of what had this one (harness/lib/renamed)
renamed() {
	local kind old new name='' i=1
	while read -r kind old new; do
		[[ $kind = "$1" && $2 =~ ^${old//\*/(.*)}$ ]] || continue
		while [[ $new = *\** ]]; do
			name+=${new%%\**}${BASH_REMATCH[i]}
			new=${new#*\*}
			i=$((i + 1))
		done
		printf '%s\n' "$name$new"
		return
	done < <(grep -v '^#' "$TOP/harness/lib/renamed")
}

# die_unknown KIND NAME KNOWN: nothing has that name
die_unknown() {
	local new
	new=$(renamed "$1" "$2")
	[ -z "$new" ] || die "no $1 '$2': it is called $new now"
	die "no $1 '$2' (there is: $3)"
}

# A line about progress: rewritten in place on a terminal, plain elsewhere.
note() {
	progress_end
	printf '%s\n' "$*" >&2
}

progress() {
	[ -t 2 ] && printf '\r\033[K%s' "$*" >&2
	return 0
}

progress_end() {
	[ -t 2 ] && printf '\r\033[K' >&2
	return 0
}

# base_field NAME: a column of the line for $BASE in harness/kernel/bases.
base_field() {
	local series package tested hash accepted objects unfit
	while read -r series package tested hash accepted objects unfit; do
		[ "$series" = "$BASE" ] || continue
		printf '%s\n' "${!1}"
		return
	done < <(grep -v '^#' "$TOP/harness/kernel/bases")
	die "no base '$BASE' (there is: $(base_list))"
}

base_list() {
	awk '!/^#/ { printf "%s%s (%s)", sep, $1, $5; sep = ", " }' "$TOP/harness/kernel/bases"
}

unfit_words() { # ARCHITECTURE
	case $1 in
	""|-)	;;
	*)	echo "; not for $1, which misses flushes" ;;
	esac
}

# The table of bases as the README has it
base_table() {
	local series package tested hash accepted objects unfit
	printf '    %-8s %-31s %s\n' base source "works with"
	while read -r series package tested hash accepted objects unfit; do
		printf '    %-8s %-31s %s\n' "$series" "$package (Debian 12)" \
			"${accepted%-*} and later; tested: ${tested%-*}$(unfit_words "$unfit")"
	done < <(grep -v '^#' "$TOP/harness/kernel/bases")
}

# FILE FUNCTION of who may defer: the rows of verify/callers for all bases and for
# this one
allowed_callers() {
	awk -v only="$BASE:" '
		/^#/ || !NF		{ next }
		index($1, only) == 1	{ print substr($1, length(only) + 1), $2; next }
		!/^[0-9.]+:/		{ print $1, $2 }' "$TOP/verify/callers" | sort
}

# version_in VERSION RANGE: is x.y.z within first-last?
version_in() {
	local first=${2%-*} last=${2#*-}
	printf '%s\n' "$first" "$1" "$last" | sort -C -V
}

# kernel_version DIR: x.y.z of a source tree, from its Makefile.
kernel_version() {
	awk -F '[ \t]*=[ \t]*' '/^VERSION/ { v = $2 } /^PATCHLEVEL/ { p = $2 }
		/^SUBLEVEL/ { print v "." p "." $2; exit }' "$1/Makefile"
}

# Boots in the background ignore SIGINT from the terminal: end them with us.
end_with_children() {
	trap 'trap - INT TERM; kill -TERM 0; exit 130' INT TERM
}

need_space() { # MEGABYTES
	local free
	mkdir -p "$BUILD"
	free=$(df -Pm "$BUILD" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$1" ] || die "needs $1 MB under $BUILD, $free MB are free"
}

check_rounds() { # MAX
	case $ROUNDS in
	''|*[!0-9]*|0*)	;;
	*)	[ "${#ROUNDS}" -gt "${#1}" ] || [ "$ROUNDS" -gt "$1" ] || return 0 ;;
	esac
	die "ROUNDS is how often each thing is done, 1 to $1, not '$ROUNDS'"
}

# Refuse bad values of variables before waiting for anything
check_variables() {
	local flavour flavours=${FLAVOUR:-base} arch=${ARCH:-x86}
	base_field package > /dev/null
	for flavour in ${flavours//-/ }; do
		[ -e "$TOP/harness/kernel/config/$flavour.config" ] ||
			die "no flavour '$flavours' (there is: $(configurations config))"
	done
	[ "$arch" = x86 ] || [ -e "$TOP/harness/kernel/config/arch/$arch.config" ] ||
		die "no configuration for ARCH=$arch (there is: x86 $(configurations config/arch))"
}

configurations() { # DIR
	(cd "$TOP/harness/kernel/$1" && printf '%s ' *.config | sed 's/\.config//g; s/ $//')
}

# One run at a time works in $BUILD; scripts that it calls inherit the lock.
take_lock() {
	check_variables
	[ -z "${COALESCE_TLBI_LOCKED:-}" ] || return 0
	mkdir -p "$BUILD"
	exec 9> "$BUILD/.lock"
	if ! flock -n 9; then
		note "another run works in $BUILD: waiting for it"
		flock 9
	fi
	export COALESCE_TLBI_LOCKED=1
}

# need_packages PACKAGE...: install what is missing, as root; else say how.
need_packages() {
	local p missing=() apt=(apt-get -o DPkg::Lock::Timeout=600)
	for p in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2> /dev/null | grep -qx installed ||
			missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get > /dev/null || die "not a Debian system; needs: ${missing[*]}"
	[ "$(id -u)" = 0 ] ||
		die "packages are missing; as root: apt-get install ${missing[*]}"
	note "installing ${missing[*]}"
	mkdir -p "$BUILD"
	# Tests that run at the same time install one after the other; no service that
	# is started keeps the lock.
	{
		flock 8 &&
		"${apt[@]}" update 8>&- &&
		DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends \
			--no-remove "${missing[@]}" 8>&-
	} 8> "$BUILD/.apt" > "$BUILD/apt.log" 2>&1 < /dev/null || die "apt-get install failed: see $BUILD/apt.log"
}

# need_tools [LIST...]: what harness/lib/packages/base and packages/LIST name
need_tools() {
	local names list files=("$TOP/harness/lib/packages/base")
	for list; do
		files+=("$TOP/harness/lib/packages/$list")
	done
	names=$(awk '!/^#/ && NF { print $1 }' "${files[@]}")
	# shellcheck disable=SC2086
	need_packages $names
}
