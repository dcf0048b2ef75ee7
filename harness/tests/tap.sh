# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# KTAP from a script on the host.  Sourced after lib.sh.

TAP_N=0
TAP_FAILED=0

tap_start() { # FILE
	mkdir -p "$(dirname "$1")"
	exec 3> "$1"
	echo "KTAP version 1" >&3
	TAP_N=0
	TAP_FAILED=0
}

# tap_result STATUS NAME: one result; 0 is good
tap_result() {
	TAP_N=$((TAP_N + 1))
	if [ "$1" = 0 ]; then
		echo "ok $TAP_N $2" >&3
	else
		TAP_FAILED=$((TAP_FAILED + 1))
		echo "not ok $TAP_N $2" >&3
	fi
}

tap_skip() { # NAME REASON
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N $1 # SKIP $2" >&3
}

tap_finish() {
	echo "1..$TAP_N" >&3
	echo "# verdict: complete" >&3
	exec 3>&-
	[ "$TAP_FAILED" = 0 ]
}

# tap_required FILE: a test that left no results, as one that died before its first, failed
tap_required() {
	[ ! -e "$1" ] || return 0
	tap_start "$1"
	tap_result 1 "the test left no results"
	tap_finish || true
}
