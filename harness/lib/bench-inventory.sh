# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# bench: what interrupts an isolated CPU in user mode.  Sourced after bench.sh.

inventory_boots() { # PREFIX FLAVOUR
	local mode
	echo "$1.unpatched $2-off 4 inventory pti=off $(isolated 2-3)"
	for mode in off always pending; do
		echo "$1.$mode $2 4 inventory pti=off $(isolated 2-3) coalesce_tlbi=$mode"
	done
}

# Lines "OPERATION<tab>KIND<tab>WHAT<tab>MODE<tab>COUNT<tab>DEFERRABLE" for one CPU
# and 100 operations, WHAT being a function, a row of /proc/interrupts or "all
# interrupts", rounded up: 0 is none.  DEFERRABLE is 1 for a function that is.
inventory_figures() { # PREFIX
	local mode
	for mode in unpatched off always pending; do
		awk -F '\t' -v mode="$mode" '
		function scaled(n) { n = n * 100 / operations / cpus; return n > int(n) ? int(n) + 1 : n }
		function figure(name, what, n, deferrable) {
			printf "%s\t%s\t%s\t%s\t%d\t%d\n", name, kind, what, mode,
				n ? scaled(n) : 0, deferrable
		}
		{ sub(/^ */, "", $1) }
		$1 == "cpus" { cpus = $2 }
		$1 == "operation" {
			operations = $3; kind = $9
			figure($2, "all interrupts", $5, 0)
		}
		$1 == "call" { figure($2, $3, $4, $5) }
		$1 == "row" && $3 != "CAL" { figure($2, $3, $4, 0) }
		$1 == "sent" { figure($2, "sent to user mode: " $3, $4, 1) }
		$1 == "missing" { kind = "missing"; figure($2, $3, 0, 0) }
		' "$RESULTS/bench.$1.$mode.tap"
	done
}

inventory_table() { # FIGURES
	awk -F '\t' '
	{
		if (!($1 in seen)) { seen[$1] = 1; operation[++n] = $1 }
		key = $1 FS $3
		if (!(key in known)) { known[key] = 1; what[$1, ++count[$1]] = $3 }
		value[key, $4] = $5
		kind[$1] = $2
	}
	function row(name, w,   key) {
		key = name FS w
		printf "%-20s %-28s %10d %8d %8d %8d\n", shown, w, value[key, "unpatched"],
			value[key, "off"], value[key, "always"], value[key, "pending"]
		shown = ""
	}
	END {
		printf "%-20s %-28s %10s %8s %8s %8s\n", "operation", "interrupted for", "unpatched",
			"off", "always", "pending"
		for (i = 1; i <= n; i++) {
			shown = operation[i]
			if (kind[shown] == "missing") {
				printf "%-20s not in this kernel: %s\n", shown, what[shown, 1]
				continue
			}
			for (j = 2; j <= count[operation[i]]; j++)
				row(operation[i], what[operation[i], j])
			row(operation[i], "all interrupts")
		}
	}' "$1"
}

# Those that arrive although calls are deferred: who sends each, why it is not
# deferred, and what an administrator can do about it.
inventory_remaining() { # FIGURES
	awk -F '\t' '
	FILENAME == ARGV[1] {
		if (($4 == "always" || $4 == "pending") && $5)
			arrives[$3] = 1
		next
	}
	!/^#/ && ($1 in arrives) {
		printf "%s\n\tfrom: %s\n\twhy it is not deferred: %s\n\twhat helps: %s\n", $1, $2, $3, $4
	}' "$1" "$TOP/verify/remaining"
}

inventory() { # PREFIX FLAVOUR TITLE
	build "$2" "$2-off"
	run_all < <(inventory_boots "$1" "$2")
	need "$1".unpatched "$1".off "$1".always "$1".pending
	inventory_figures "$1" > "$WORK/$1.figures"
	judge inventory "$WORK/$1.figures"
	part_results "$1" "$(json_inventory "$WORK/$1.figures")" < <(
		echo "Interrupts that an isolated CPU in user mode takes for 100 operations of a"
		echo "housekeeping CPU ($3):"
		echo
		inventory_table "$WORK/$1.figures"
		echo
		echo "What is left, by who sends it:"
		echo
		inventory_remaining "$WORK/$1.figures"
		echo
	)
}

json_inventory() { # FIGURES
	awk -F '\t' '$2 != "missing" {
		printf "%s{\"operation\": \"%s\", \"claim\": \"%s\", \"interrupted_for\": \"%s\", \"kernel\": \"%s\", \"per_100\": %d}",
			sep, $1, $2, $3, $4, $5
		sep = ",\n  "
	}' "$1"
}
