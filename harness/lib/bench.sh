# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the parts of bench share: boots, two at a time, and what is left of them.
# Sourced after lib.sh and guest.sh.

RESULTS=$BUILD/results
WORK=$RESULTS/bench
TEXT=$RESULTS/bench.txt
JSON=$RESULTS/bench.json
PLUGIN=$WORK/cost.so
TIMEOUT=900

problems=0
judge() { # PART FIGURES
	"$TOP/harness/results/judge-bench" "$@" || problems=$((problems + 1))
}

isolated() {
	echo "nohz_full=$1 rcu_nocbs=$1 isolcpus=domain,managed_irq,$1"
}

# START-END of the text whose instructions are counted apart, in hexadecimal: that
# of the entry, or where the initiator is looked at, its predicate, if it has one
counted_text() { # FLAVOUR COMMAND
	awk -v purges="$([[ $2 != *purges ]] || echo 1)" '
		$3 == (purges ? "needs_ipi_now" : "__entry_text_start") { start = $1; next }
		start && (purges || $3 == "__entry_text_end") { print start "-" $1; found = 1; exit }
		END { if (!found) print "0-0" }' "$BUILD/$BASE/$1/System.map"
}

# run NAME FLAVOUR CPUS COMMAND PARAMETER...: one boot; its lines are in NAME.tap.
# With the plugin if COMMAND is cost, unless NAME begins with "time.".
run() {
	local name=bench.$1 flavour=$2 cpus=$3 command=$4 status=0 options=()
	shift 4
	echo "${command%% *} /bin/$command" > "$WORK/$name.list"
	case $name.$command in
	bench.time.*) ;;
	*.cost*)
		rm -f "$WORK/$name.cost"
		options=(-x "-plugin $PLUGIN,out=$WORK/$name.cost,text=$(counted_text "$flavour" "$command")") ;;
	esac
	"$TOP/harness/guest/boot-qemu" -s -c "$cpus" -t "$TIMEOUT" "${options[@]}" "$name" \
		"$BUILD/$BASE/$flavour" "$WORK/$name.list" "$@" > "$WORK/$name.out" 2>&1 || status=$?
	if [ "$status" != 0 ]; then
		note "bench: $name: status $status"
		tail -n 3 "$WORK/$name.out" >&2
	fi
	echo "$status" > "$WORK/$name.status"
}

# Two boots at a time, of lines of run's arguments
run_all() {
	local n=0 line
	while read -r line; do
		# shellcheck disable=SC2086
		eval run $line < /dev/null &
		n=$((n + 1))
		[ "$n" -lt 2 ] || wait -n
		progress "boots started: $n"
	done
	wait
	progress_end
}

# A boot that gave no figures decides the status.
need() { # NAME...
	local name status
	for name; do
		status=$(cat "$WORK/bench.$name.status")
		[ "$status" = 0 ] || exit "$status"
	done
}

build() { # FLAVOUR...
	local flavour
	for flavour; do
		FLAVOUR=$flavour "$TOP/harness/kernel/build" > /dev/null
	done
}

# What the figures depend on
stamp() {
	{
		cat "$TOP"/harness/bench* "$TOP"/harness/kernel/config/*.config "$TOP/harness/kernel/config/names" "$TOP/verify/watch/plugin/cost.c" \
			"$TOP"/harness/guest/*.[ch]
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

# part_results NAME OBJECTS: of one part; its table is on standard input.
part_results() {
	cat > "$WORK/$1.txt"
	printf '%s' "$2" > "$WORK/$1.json"
}

write_results() {
	local part
	printf '{"base": "%s"' "$(kernel_version "$BUILD/$BASE/tree")" > "$JSON"
	for part in inventory rt entries purges; do
		[ -e "$WORK/$part.json" ] || continue
		printf ',\n "%s": [\n  ' "$part"
		cat "$WORK/$part.json"
		printf ']'
	done >> "$JSON"
	echo '}' >> "$JSON"
	for part in inventory rt entries purges; do
		[ ! -e "$WORK/$part.txt" ] || cat "$WORK/$part.txt"
	done > "$TEXT"
}
