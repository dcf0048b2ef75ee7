# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# bench: instructions and time of entries, and of purges.  Sourced after bench.sh.

build_plugin() {
	gcc -O2 -Wall -Wextra -Wno-unused-parameter -shared -fPIC \
		-I "$TOP/harness/guest" -o "$PLUGIN" "$TOP/verify/watch/plugin/cost.c"
}

# stays NAME FLAVOUR: "VCPU KIND TIMES SHORTEST MEDIAN IN-TEXT FLUSHES" of the stays in
# the kernel that a boot is about: instructions of the shortest and of the median,
# those in the entry text of the most frequent, and its flushes.
stays() {
	sort -k1,1n -k2,2n -k3,3 -k4,4n "$WORK/bench.$1.cost" |
		awk -v map="$BUILD/$BASE/$2/System.map" '
	BEGIN {
		wanted["entry_SYSCALL_64"] = wanted["asm_exc_page_fault"] = 1
		wanted["asm_sysvec_apic_timer_interrupt"] = 1
		while ((getline line < map) > 0) {
			split(line, field, " ")
			if (field[3] in wanted)
				name[field[1]] = field[3]
		}
		kind["1 entry_SYSCALL_64"] = "syscall"
		kind["2 asm_exc_page_fault"] = "fault"
		kind["3 asm_sysvec_apic_timer_interrupt"] = "timer"
		kind["4 entry_SYSCALL_64"] = "purge"
	}
	function finish(   i, sum, best, k, part) {
		for (i = 1; i <= n && sum * 2 < times; i++)
			sum += how[i]
		for (k in texts)
			if (texts[k] > texts[best] + 0)
				best = k
		split(best, part, " ")
		if (times)
			print vcpu, what, times, count[1], count[i - 1], part[1], part[2]
		n = times = 0
		split("", texts)
	}
	{
		found = kind[$2 " " name[$3]]
		if (found == "")
			next
		if ($1 " " found != vcpu " " what) {
			finish()
			vcpu = $1
			what = found
		}
		times += $7
		count[++n] = $4
		how[n] = $7
		texts[$5 " " $6] += $7
	}
	END { finish() }'
}

entries_boots() {
	local pti mode
	for pti in off on; do
		echo "entries.unpatched.$pti off 4 'cost entries 0 2' pti=$pti $(isolated 2-3)"
		echo "entries.unused.$pti base 4 'cost entries 0 2' pti=$pti"
		echo "entries.unpatched-unused.$pti off 4 'cost entries 0 2' pti=$pti"
		for mode in off pending always; do
			echo "entries.$mode.$pti base 4 'cost entries 0 2' pti=$pti $(isolated 2-3)" \
				"coalesce_tlbi=$mode"
		done
	done
}

# times NAME: "CPU KIND NANOSECONDS", of a boot without the plugin
times() {
	awk -F '\t' '{ sub(/^ */, "", $1) } $1 == "time" { print $3, $2, $4 }' "$RESULTS/bench.time.$1.tap"
}

# measure PART: make the boots of PART_boots, and the same without the plugin; the
# figures of PART_figures are judged, and are in $WORK/PART.figures
measure() {
	local boots
	build base off
	build_plugin
	boots=$("$1_boots"; "$1_boots" | sed 's/^/time./')
	run_all <<< "$boots"
	# shellcheck disable=SC2046
	need $(awk '{ print $1 }' <<< "$boots")
	"$1_figures" > "$WORK/$1.figures"
	judge "$1" "$WORK/$1.figures"
}

# "PTI CPU KIND KERNEL TIMES SHORTEST MEDIAN IN-TEXT FLUSHES NANOSECONDS"
entries_figures() {
	local pti kernel flavour
	for pti in off on; do
		for kernel in unpatched off pending always unpatched-unused unused; do
			flavour=base
			[[ $kernel != unpatched* ]] || flavour=off
			{
				times "entries.$kernel.$pti"
				stays "entries.$kernel.$pti" "$flavour"
			} | awk -v pti="$pti" -v kernel="$kernel" '
				NF == 3 { ns[$1, $2] = $3; next }
				$1 == 0 || $1 == 2 {
					print pti, $1 == 0 ? "housekeeping" : "isolated", $2, kernel,
						$3, $4, $5, $6, $7, ns[$1, $2] }'
		done
	done
}

# entries_table FIGURES instructions|time
entries_table() {
	awk -v what="$2" '
	{
		key = $1 " " $2 " " $3
		if (!(key in seen)) { seen[key] = 1; row[++n] = key }
		shown[key, $4] = what == "time" ? $10 : $8 ($9 > 0 ? "+" $9 : "") " (" $7 ")"
	}
	END {
		form = "%-4s %-13s %-8s %13s %13s %13s %13s   %13s %13s\n"
		printf form, "PTI", "CPU", "entry", "unpatched", "off", "pending", "always", "unpatched*", "built in*"
		for (i = 1; i <= n; i++) {
			key = row[i]
			split(key, part, " ")
			printf form, part[1], part[2], part[3], shown[key, "unpatched"], shown[key, "off"],
				shown[key, "pending"], shown[key, "always"], shown[key, "unpatched-unused"],
				shown[key, "unused"]
		}
		print "* booted without nohz_full="
	}' "$1"
}

entries() {
	measure entries
	part_results entries "$(json_entries "$WORK/entries.figures")" < <(
		echo "Guest instructions in the entry text (+N: and N writes to CR3 or CR4) from an entry out"
		echo "of user mode to the way back; in brackets all instructions in the kernel, the median:"
		echo
		entries_table "$WORK/entries.figures" instructions
		echo
		echo "The same in nanoseconds under emulation, where a flush is dear; the median as user mode"
		echo "sees it, for the timer with the signal that it raises:"
		echo
		entries_table "$WORK/entries.figures" time
		echo
	)
}

json_entries() { # FIGURES
	awk '{
		printf "%s{\"pti\": \"%s\", \"cpu\": \"%s\", \"entry\": \"%s\", \"kernel\": \"%s\", ",
			sep, $1, $2, $3, $4
		printf "\"times\": %d, \"shortest\": %d, \"median\": %d, ", $5, $6, $7
		printf "\"in_entry_text\": %d, \"flushes\": %d, \"emulated_ns\": %d}", $8, $9, $10
		sep = ",\n  "
	}' "$1"
}

# Among 16 CPUs; and with no other CPU online, so that what is left of the price of
# each further one is that of one that is skipped.
purges_boots() {
	local n
	for n in 1 3 7 15; do
		echo "purges.unpatched.$n off 16 'cost purges' pti=off $(isolated $((16 - n))-15)"
		echo "purges.pending.$n base 16 'cost purges' pti=off $(isolated $((16 - n))-15)" \
			"coalesce_tlbi=pending"
	done
	for n in 1 3 7; do
		echo "purges.alone.$n base 16 'cost purges' pti=off maxcpus=$((n + 1))" \
			"$(isolated 1-$n) coalesce_tlbi=pending"
	done
}

# "KERNEL ISOLATED TIMES SHORTEST MEDIAN IN-PREDICATE NANOSECONDS"; kernel "alone" is
# pending with no other CPU online.
purges_figures() {
	local name flavour rest
	while read -r name flavour rest; do
		{
			times "$name"
			stays "$name" "$flavour"
		} | awk -v name="$name" '
			NF == 3 { ns = $3; next }
			$2 == "purge" { split(name, part, "."); print part[2], part[3], $3, $4, $5, $6, ns }'
	done < <(purges_boots)
}

purges_table() { # FIGURES
	awk '
	{ value[$1, $2] = $5; shortest[$1, $2] = $4; asked[$1, $2] = $6; ns[$1, $2] = $7 }
	END {
		value["alone", 15] = value["pending", 15]
		printf "%-10s %22s %22s %14s %12s %12s\n", "isolated", "unpatched", "pending", "no others",
			"unpatched ns", "pending ns"
		for (n = 1; n <= 15; n = 2 * n + 1)
			printf "%-10s %10d (%9d) %10d (%9d) %14d %12d %12d\n", n, value["unpatched", n],
				shortest["unpatched", n], value["pending", n], shortest["pending", n],
				value["alone", n], ns["unpatched", n], ns["pending", n]
		printf "Saved with each CPU that is not interrupted: %.1f instructions\n",
			(value["pending", 1] - value["pending", 15]) / 14
		each = (value["pending", 15] - value["alone", 1]) / 14
		predicate = (asked["pending", 15] - asked["alone", 1]) / 14
		printf "Spent on each that is skipped: %.1f instructions in the predicate, ", predicate
		printf "and %.1f that the kernel has around it for each CPU, called or not\n", each - predicate
	}' "$1"
}

purges() {
	measure purges
	part_results purges "$(json_purges "$WORK/purges.figures")" < <(
		echo "Guest instructions of a whole purge on the sending CPU of 16, the others spinning in"
		echo "user mode; median (and shortest); in mode pending also with no others online than those"
		echo "isolated; and emulated time:"
		echo
		purges_table "$WORK/purges.figures"
		echo
	)
}

json_purges() { # FIGURES
	awk '{
		printf "%s{\"kernel\": \"%s\", \"isolated\": %d, \"times\": %d, ", sep, $1, $2, $3
		printf "\"shortest\": %d, \"median\": %d, \"in_predicate\": %d, \"emulated_ns\": %d}",
			$4, $5, $6, $7
		sep = ",\n  "
	}' "$1"
}
