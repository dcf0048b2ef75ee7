# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The table of boots (harness/boots), how guests are isolated, and the scheduler
# of everything that boots several.  Sourced after lib.sh.

BOOTS=$TOP/harness/boots
BOOT_ARCHIVE=''		# one more archive (compressed cpio) for the root of boot_guest's guests
JOBS=${JOBS:-2}		# more boots at a time wait for each other on a small machine

# isolated CPUS: the parameters that isolate them; none for "-"
isolated() {
	[ "$1" = - ] || echo "nohz_full=$1 rcu_nocbs=$1 isolcpus=domain,managed_irq,$1"
}

# names KIND USER...: the lines of a kind that one of the users has
table_names() {
	local kind=$1
	shift
	awk -v kind="$kind" -v users="$*" '
		BEGIN { n = split(users, wanted, " ") }
		$1 == kind {
			column = "," $(kind == "boot" ? 7 : 3) ","
			for (i = 1; i <= n; i++)
				if (index(column, "," wanted[i] ",")) { print $2; break }
		}' "$BOOTS"
}

boots_of() { # USER...
	table_names boot "$@"
}

hosts_of() { # USER...
	table_names host "$@"
}

# boot_field NAME machine|flavour|cpus|isolated|tests|parameters
boot_field() {
	awk -v name="$1" -v field="$2" '
		BEGIN {
			split("machine flavour cpus isolated users tests parameters", names, " ")
			for (i in names)
				column[names[i]] = i + 2
		}
		$1 == "boot" && $2 == name {
			value = $column[field]
			for (i = 10; field == "parameters" && i <= NF; i++)
				value = value " " $i
			print value
			exit
		}' "$BOOTS"
}

# host_field NAME USER when|results|command
host_field() {
	awk -v name="$1" -v user="$2" -v field="$3" '
		$1 == "host" && $2 == name && index("," $3 ",", "," user ",") {
			command = $6
			for (i = 7; i <= NF; i++)
				command = command " " $i
			print field == "when" ? $4 : field == "results" ? $5 : command
			exit
		}' "$BOOTS"
}

# host_command NAME USER KERNEL TREE: what runs it, in COMMAND
host_command() {
	local i
	read -ra COMMAND < <(host_field "$1" "$2" command)
	for i in "${!COMMAND[@]}"; do
		case ${COMMAND[i]} in
		KERNEL)	COMMAND[i]=$3 ;;
		TREE)	COMMAND[i]=$4 ;;
		*/*)	COMMAND[i]=$TOP/${COMMAND[i]} ;;
		esac
	done
}

# What the kernel log of boot NAME must have, a line each
log_words() { # NAME
	sed -n -E "s/^log[ \t]+$1[ \t]+//p" "$BOOTS"
}

# The tests of boot NAME, a line each
boot_tests() { # NAME
	awk -v tests="$(boot_field "$1" tests)" '
		$1 == "tests" { set[$2] = $3 }
		END {
			n = split(tests, test, ",")
			for (i = 1; i <= n; i++)
				list = list (test[i] in set ? set[test[i]] : test[i]) ","
			gsub(/,/, "\n", list)
			printf "%s", list
		}' "$BOOTS"
}

# guest_tests TEST[/ARGUMENT...]...: lines as harness/guest/init.c takes them
guest_tests() {
	local test name
	for test; do
		name=${test%%/*}
		awk -v test="$name" -v other="/bin/${test//\// }" '
			$1 == "run" && $2 == test {
				sub(/^run[ \t]+[^ \t]+[ \t]+/, "")
				other = $0
			}
			END { print test, other }' "$BOOTS"
	done
}

# boot_guest NAME RESULT KERNEL TEST-LIST SECONDS [PARAMETER...]: what boot NAME
# of the table is; leaves build/results/RESULT.*
boot_guest() {
	local name=$1 result=$2 kernel=$3 list=$4 seconds=$5 machine command
	shift 5
	machine=$(boot_field "$name" machine)
	case $machine in
	qemu)		command=(boot-qemu -s) ;;
	qemu-threads)	command=(boot-qemu) ;;
	bochs:*)	command=(boot-bochs -M "${machine#*:}") ;;
	*)		die "no boot '$name' in harness/boots" ;;
	esac
	[ -z "$BOOT_ARCHIVE" ] || command+=(-a "$BOOT_ARCHIVE")
	# shellcheck disable=SC2046
	"$TOP/harness/guest/${command[0]}" "${command[@]:1}" -t "$seconds" \
		-c "$(boot_field "$name" cpus)" "$result" "$kernel" "$list" \
		$(isolated "$(boot_field "$name" isolated)") $(boot_field "$name" parameters) "$@"
}

check_jobs() {
	case $JOBS in
	''|*[!0-9]*|0*)	die "JOBS is a number of boots at a time, not '$JOBS'" ;;
	esac
}

# run_jobs PREFIX FUNCTION < LINES: call FUNCTION with the words of each line,
# at most $JOBS at a time.  The first word is the job's name; its status is left
# in PREFIX<name>.status.
run_jobs() {
	local prefix=$1 function=$2 lines line n=0
	mapfile -t lines
	for line in "${lines[@]}"; do
		[ "$n" -lt "$JOBS" ] || wait -n || true
		# shellcheck disable=SC2086
		run_job "$prefix" "$function" $line < /dev/null &
		n=$((n + 1))
		progress "started: $n of ${#lines[@]}, ${line%% *}"
	done
	wait
	progress_end
}

run_job() { # PREFIX FUNCTION NAME [WORD...]
	local prefix=$1 function=$2 status=0
	shift 2
	"$function" "$@" || status=$?
	echo "$status" > "$prefix$1.status"
}

job_status() { # PREFIX NAME
	cat "$1$2.status" 2> /dev/null || echo "$EXIT_HARNESS"
}

# need_jobs PREFIX NAME...: a boot that gave no figures decides the status.
need_jobs() {
	local prefix=$1 name status
	shift
	for name; do
		status=$(job_status "$prefix" "$name")
		[ "$status" = 0 ] || {
			note "${prefix##*/}$name: ended with status $status"
			exit "$status"
		}
	done
}
