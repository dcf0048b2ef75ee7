# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# bench: the boots of each part.  Sourced after lib.sh and boots.sh.

RESULTS=$BUILD/results
WORK=$RESULTS/bench
PLUGIN=$WORK/cost.so
TIMEOUT=900

# PART_boots: lines NAME FLAVOUR CPUS COMMAND PARAMETER..., COMMAND being
# TEST/ARGUMENT/...

inventory_boots() { # [PREFIX FLAVOUR]
	local prefix=${1:-inventory} flavour=${2:-trace} mode
	echo "$prefix.unpatched $flavour-off 4 inventory pti=off $(isolated 2-3)"
	for mode in off always pending; do
		echo "$prefix.$mode $flavour 4 inventory pti=off $(isolated 2-3) coalesce_tlbi=$mode"
	done
}

rt_boots() {
	inventory_boots rt trace-rt
}

entries_boots() {
	local pti mode
	for pti in off on; do
		echo "entries.unpatched.$pti off 4 cost/entries/0/2 pti=$pti $(isolated 2-3)"
		echo "entries.unused.$pti base 4 cost/entries/0/2 pti=$pti"
		echo "entries.unpatched-unused.$pti off 4 cost/entries/0/2 pti=$pti"
		for mode in off pending always; do
			echo "entries.$mode.$pti base 4 cost/entries/0/2 pti=$pti $(isolated 2-3)" \
				"coalesce_tlbi=$mode"
		done
	done
}

# Among 16 CPUs; and with no other CPU online, so that what each further CPU costs
# is the cost of a skipped one.
purges_boots() {
	local n
	for n in 1 3 7 15; do
		echo "purges.unpatched.$n off 16 cost/purges pti=off $(isolated $((16 - n))-15)"
		echo "purges.pending.$n base 16 cost/purges pti=off $(isolated $((16 - n))-15)" \
			"coalesce_tlbi=pending"
	done
	for n in 1 3 7; do
		echo "purges.alone.$n base 16 cost/purges pti=off maxcpus=$((n + 1))" \
			"$(isolated 1-$n) coalesce_tlbi=pending"
	done
}

# The boots of a part; of those that count instructions each once more, without
# the plugin, for the time
boots() { # PART
	"$1_boots"
	case $1 in
	entries|purges)	"$1_boots" | sed 's/^/time./' ;;
	esac
}

build_plugin() {
	gcc -O2 -Wall -Wextra -Wno-unused-parameter -shared -fPIC \
		-I "$TOP/harness/guest" -o "$PLUGIN" "$TOP/verify/watch/plugin/count_insns.c"
}

# START-END of the text whose instructions are counted apart, in hexadecimal: that
# of the entry; in a purge, that of the initiator's predicate, if the kernel has it
counted_text() { # FLAVOUR COMMAND
	awk -v purges="$([[ $2 != */purges ]] || echo 1)" '
		$3 == (purges ? "needs_ipi_now" : "__entry_text_start") { start = $1; next }
		start && (purges || $3 == "__entry_text_end") { print start "-" $1; found = 1; exit }
		END { if (!found) print "0-0" }' "$BUILD/$BASE/$1/System.map"
}

# One boot; its results are in bench.NAME.tap.  With the plugin if COMMAND is cost,
# unless NAME begins with "time.".
# shellcheck disable=SC2317
boot_one() { # NAME FLAVOUR CPUS COMMAND PARAMETER...
	local name=bench.$1 flavour=$2 cpus=$3 command=$4 status=0 options=()
	shift 4
	guest_tests "$command" > "$WORK/$name.list"
	case $name.$command in
	bench.time.*) ;;
	*.cost/*)
		rm -f "$WORK/$name.cost"
		options=(-x "-plugin $PLUGIN,out=$WORK/$name.cost,text=$(counted_text "$flavour" "$command")") ;;
	esac
	"$TOP/harness/guest/boot-qemu" -s -c "$cpus" -t "$TIMEOUT" "${options[@]}" "$name" \
		"$BUILD/$BASE/$flavour" "$WORK/$name.list" "$@" > "$WORK/$name.out" 2>&1 || status=$?
	[ "$status" = 0 ] || tail -n 3 "$WORK/$name.out" >&2
	return "$status"
}

# measure PART: build what it needs and make its boots
measure() {
	local boots flavour
	boots=$(boots "$1")
	while read -r flavour; do
		FLAVOUR=$flavour "$TOP/harness/kernel/build" > /dev/null < /dev/null
	done < <(cut -d ' ' -f 2 <<< "$boots" | sort -u)
	build_plugin
	run_jobs "$WORK/bench." boot_one <<< "$boots"
	# shellcheck disable=SC2046
	need_jobs "$WORK/bench." $(awk '{ print $1 }' <<< "$boots")
}

judge() { # PART
	local status=0
	"$TOP/harness/results/judge-bench" "$RESULTS" "$BUILD/$BASE" \
		"$(kernel_version "$BUILD/$BASE/tree")" "$1" > /dev/null || status=$?
	[ "$status" != "$EXIT_HARNESS" ] || exit "$status"
	return "$status"
}

# What the figures depend on
stamp() {
	{
		cat "$TOP"/harness/{bench,lib/bench.sh,results/{common,bench_figures}.py} \
			"$TOP"/harness/kernel/config/*.config "$TOP/harness/kernel/config/names" \
			"$TOP/verify/watch/plugin/count_insns.c" "$TOP"/harness/guest/*.[ch]
		(cd "$BUILD/$BASE/tree" && xargs sha256sum < "$BUILD/$BASE/files")
	} | sha256sum
}

# keep_parts_of STAMP: forget the parts that were measured on another tree.
keep_parts_of() {
	[ "$1" = "$(cat "$WORK/stamp" 2> /dev/null)" ] || rm -rf "$WORK"
	mkdir -p "$WORK"
	echo "$1" > "$WORK/stamp"
	rm -f "$RESULTS"/bench.*
}
