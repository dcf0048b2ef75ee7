#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh PROGRAM UNIT: tests of coalesce-tlbi on prepared copies of /proc and
# /sys, and of its messages where it cannot work.  Writes KTAP; status 1 if a
# test fails.
#
# For each thing that status can report as missing there is a copy that lacks
# only that.  The control is the copy that lacks nothing.
set -u

[ $# = 2 ] || {
	echo "usage: run.sh PROGRAM UNIT" >&2
	exit 2
}
UNIT=$2
HERE=$(cd "$(dirname "$0")" && pwd)
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
chmod 755 "$TMP"
# Other users can run this copy
cp "$1" "$TMP/coalesce-tlbi"
PROGRAM=$TMP/coalesce-tlbi
GOOD=$TMP/good
export LC_ALL=C

N=0
FAILED=0
result() { # STATUS NAME
	N=$((N + 1))
	if [ "$1" = 0 ]; then
		echo "ok $N $2"
	else
		FAILED=$((FAILED + 1))
		echo "not ok $N $2"
		sed 's/^/  # /' "$TMP/out" "$TMP/err" 2> /dev/null
	fi
}

skip() { # NAME REASON
	N=$((N + 1))
	echo "ok $N $1 # SKIP $2"
}

# run COMMAND...: writes its output to files, and sets STATUS
run() {
	STATUS=0
	"$@" > "$TMP/out" 2> "$TMP/err" < /dev/null || STATUS=$?
}

put() { # FILE LINE...
	mkdir -p "${1%/*}"
	printf '%s\n' "${@:2}" > "$1"
}

interrupts() { # LOC-OF-2 LOC-OF-3 CAL-OF-2
	cat <<-TEXT
	            CPU0       CPU1       CPU2       CPU3
	  1:          9          0          0          0  IO-APIC   1-edge      i8042
	 24:        500          0          0          0  PCI-MSIX   0-edge   virtio0
	NMI:          0          0          0          0   Non-maskable interrupts
	LOC:     100000     100000 $1 $2   Local timer interrupts
	IWI:          3          4          5          6   IRQ work interrupts
	RES:         10         20         30         40   Rescheduling interrupts
	CAL:        100        200 $3        400   Function call interrupts
	TLB:         50         60         70         80   TLB shootdowns
	MCP:          1          1          1          1   Machine check polls
	ERR:          0
	MIS:          0
	TEXT
}

counters() { # DIR DEFERRED-OF-2
	put "$1/sys/kernel/debug/x86/coalesce_tlbi" "mode pending" \
		"cpu deferred entry_flushes forced" "2 $2 7 5" "3 222 8 6"
}

# A machine of 4 CPUs, of which 2 and 3 are isolated completely
make_root() { # DIR
	local cpu
	rm -rf "$1"
	put "$1/proc/sys/kernel/osrelease" 6.12.0-test
	local words="root=/dev/vda ro nohz_full=2-3 rcu_nocbs=2-3"
	put "$1/proc/cmdline" \
		"$words isolcpus=domain,managed_irq,2-3 irqaffinity=0-1 coalesce_tlbi=pending"
	interrupts 1000 1000 300 > "$1/proc/interrupts"
	put "$1/proc/cpuinfo" "processor	: 0" "flags		: fpu pse pge cmov"
	put "$1/proc/irq/default_smp_affinity" 3
	put "$1/proc/irq/24/effective_affinity_list" 0
	put "$1/proc/irq/24/smp_affinity_list" 0-1
	put "$1/proc/irq/99/smp_affinity_list" 0-3
	put "$1/proc/1/comm" init
	for cpu in 0 1 2 3; do
		put "$1/proc/4$cpu/comm" "rcuop/$cpu"
	done
	put "$1/sys/devices/system/cpu/online" 0-3
	put "$1/sys/devices/system/cpu/nohz_full" 2-3
	put "$1/sys/devices/system/cpu/isolated" 2-3
	put "$1/sys/devices/system/clocksource/clocksource0/current_clocksource" tsc
	counters "$1" 111
	put "$1/boot/config-6.12.0-test" CONFIG_NO_HZ_FULL=y CONFIG_RCU_NOCB_CPU=y \
		CONFIG_COALESCE_TLBI=y
}

status_of() { # DIR [OPTION...]
	run "$PROGRAM" --root "$1" status -i 0.001 "${@:2}"
}

says() { # WORDS
	grep -qF -- "$1" "$TMP/out"
}

# lacks NAME WORDS COMMAND...: status prints WORDS after COMMAND changed a copy
lacks() {
	local name=$1 words=$2
	shift 2
	make_root "$TMP/bad"
	(cd "$TMP/bad" && "$@")
	status_of "$TMP/bad"
	[ "$STATUS" = 1 ] && says "$words"
	result $? "status: $name"
	status_of "$GOOD"
	[ "$STATUS" = 0 ] && ! says "$words"
	result $? "control: status: not on a complete machine: $name"
}

parameter() { # SED-EXPRESSION
	sed -i -E "$1" proc/cmdline
}

# A kernel without the option, with its configuration packed
without_option() {
	rm -r sys/kernel/debug boot
	printf '%s\n' CONFIG_NO_HZ_FULL=y '# CONFIG_COALESCE_TLBI is not set' |
		gzip > proc/config.gz
}

by_symbols() {
	rm -r sys/kernel/debug boot
	put proc/kallsyms "0000000000000000 T _stext" "0000000000000000 t vm_unmap_aliases"
}

# Nothing shows whether the kernel has the option
unknown_option() {
	rm -r sys/kernel/debug boot
}

off() {
	put sys/kernel/debug/x86/coalesce_tlbi "mode off" "cpu deferred entry_flushes forced"
}

off_by_parameter() {
	off
	parameter 's/=pending/=off/'
}

off_without_debugfs() {
	rm -r sys/kernel/debug
	parameter 's/=pending/=off/'
}

off_for_nobody() {
	off
	parameter 's/nohz_full=[^ ]* //'
	echo "(null)" > sys/devices/system/cpu/nohz_full
}

off_without_pge() {
	off
	sed -i 's/ pge / /' proc/cpuinfo
}

nothing_isolated() {
	off_for_nobody
	echo > sys/devices/system/cpu/isolated
}

# To an isolated CPU, where it arrived
move_irq() {
	echo 1-2 > proc/irq/24/effective_affinity_list
	sed -i -E 's/^( 24: +500 +0 +)0 /\11 /' proc/interrupts
}

not_hardware() {
	echo hpet > sys/devices/system/clocksource/clocksource0/current_clocksource
}

test_status_missing() {
	lacks "the option, by /proc/config.gz" \
		"off: this kernel is without the option CONFIG_COALESCE_TLBI" without_option
	lacks "the option, by its symbols" \
		"off: this kernel is without the option CONFIG_COALESCE_TLBI" by_symbols
	lacks "any sign of the option" "neither configuration nor symbols" unknown_option
	lacks "coalesce_tlbi=off" "off: booted with coalesce_tlbi=off" off_by_parameter
	lacks "coalesce_tlbi=off, without debugfs" "off: booted with coalesce_tlbi=off" \
		off_without_debugfs
	lacks "nohz_full=, which turns it off" \
		"off: no CPU is isolated by nohz_full=" off_for_nobody
	lacks "global pages" "no global pages" off_without_pge
	lacks "any isolated CPU" "missing: nohz_full: no CPU is isolated" nothing_isolated
	lacks "a known value" "missing: coalesce_tlbi: the kernel does not know this value" \
		parameter 's/=pending/=sometimes/'
	lacks "the new name of a mode" \
		"missing: coalesce_tlbi: mode owed is called pending now; the kernel uses always" \
		parameter 's/=pending/=owed/'
	lacks "nohz_full of one CPU" "missing: nohz_full, CPU 3:" \
		sh -c 'echo 2 > sys/devices/system/cpu/nohz_full'
	lacks "CONFIG_NO_HZ_FULL" "built with CONFIG_NO_HZ_FULL=y" \
		sh -c 'rm sys/devices/system/cpu/nohz_full; sed -i 1d boot/*'
	lacks "isolcpus of one CPU" "missing: isolcpus, CPU 3:" \
		sh -c 'echo 2 > sys/devices/system/cpu/isolated'
	lacks "managed_irq" "missing: managed_irq, CPU 2-3:" parameter 's/domain,managed_irq,//'
	lacks "the thread for RCU callbacks of one CPU" "missing: rcu_nocbs, CPU 2:" rm -r proc/42
	lacks "CONFIG_RCU_NOCB_CPU" "built with CONFIG_RCU_NOCB_CPU=y" \
		sh -c 'rm -r proc/4[0-3]; sed -i 2d boot/*'
	lacks "irqaffinity=" "missing: irqaffinity, CPU 2-3:" \
		sh -c 'echo f > proc/irq/default_smp_affinity'
	lacks "another CPU for a device's interrupts" \
		"missing: irq, CPU 2: device interrupts are routed there and arrived: 24" move_irq
}

test_status_good() {
	status_of "$GOOD"
	[ "$STATUS" = 0 ] && says "nothing is missing" &&
		says "coalesce_tlbi  pending: deferred while CPUs 2-3 run user mode" &&
		grep -qE '^ +2  yes +yes +yes +no +- +111 +7 +5$' "$TMP/out"
	result $? "status: a complete machine"
	! grep -qE '^ +[01]  ' "$TMP/out"
	result $? "status: no housekeeping CPU is in the table"
	! says "no counters"
	result $? "control: status: the counters are not reported as unreadable"

	make_root "$TMP/copy"
	rm "$TMP/copy/sys/devices/system/cpu/isolated"
	put "$TMP/copy/sys/fs/cgroup/cpuset.cpus.isolated" 2-3
	(cd "$TMP/copy" && parameter 's/isolcpus=[^ ]* //')
	status_of "$TMP/copy"
	[ "$STATUS" = 0 ]
	result $? "status: an isolated cpuset partition isolates too"
	rm -r "$TMP/copy/sys/fs"
	status_of "$TMP/copy"
	[ "$STATUS" = 1 ] && says "missing: isolcpus, CPU 2-3:"
	result $? "control: status: without it isolcpus is missing"
}

# A driver has a queue for each CPU
test_status_idle_irq() {
	make_root "$TMP/copy"
	echo 2 > "$TMP/copy/proc/irq/24/effective_affinity_list"
	status_of "$TMP/copy"
	[ "$STATUS" = 0 ] && grep -qE '^ +2  yes +yes +yes +yes ' "$TMP/out"
	result $? "status: an interrupt that never arrived is shown, not reported"
}

# Without debugfs, or without permission to read it
test_status_derived() {
	local mode
	for mode in pending always; do
		make_root "$TMP/copy"
		rm -r "$TMP/copy/sys/kernel/debug"
		(cd "$TMP/copy" && parameter "s/=pending/=$mode/")
		status_of "$TMP/copy"
		[ "$STATUS" = 0 ] && says "coalesce_tlbi  $mode: deferred" &&
			says "mode by the boot parameter" &&
			says "no counters: /sys/kernel/debug" &&
			grep -qE '^ +2  yes .* +- +- +-$' "$TMP/out"
		result $? "status: mode $mode by the boot parameter, without debugfs"
	done
	(cd "$TMP/copy" && parameter 's/coalesce_tlbi=[a-z]*//')
	status_of "$TMP/copy"
	says "coalesce_tlbi  always: deferred"
	result $? "status: the default without a parameter"
	(cd "$TMP/copy" && parameter 's/$/ -- coalesce_tlbi=pending/')
	status_of "$TMP/copy"
	says "coalesce_tlbi  always: deferred"
	result $? "status: a parameter after -- belongs to init"
	(cd "$TMP/copy" && parameter 's/ -- .*/ coalesce_tlbi=off coalesce_tlbi=pending/')
	status_of "$TMP/copy"
	says "coalesce_tlbi  pending: deferred"
	result $? "status: the last parameter counts"
	put "$TMP/copy/sys/kernel/debug/x86/coalesce_tlbi" "nonsense"
	status_of "$TMP/copy"
	[ "$STATUS" = 0 ] && says "no counters: /sys/kernel/debug/x86/coalesce_tlbi: no mode"
	result $? "status: a file of counters that cannot be parsed"
}

# looks DIR N COUNTS... COMMAND...: run COMMAND while /proc/interrupts has other
# counts each of the first N times that it is opened; a fourth count is what the
# counters have from then on as deferred on CPU 2.  The next file is in place
# before the previous one ends.
looks() {
	local file=$1/proc/interrupts n=$2 i writer counts
	counts=("${@:3:n}")
	shift $((2 + n))
	for ((i = 0; i < n; i++)); do
		rm -f "$TMP/look.$i"
		mkfifo "$TMP/look.$i"
	done
	# shellcheck disable=SC2086
	interrupts ${counts[-1]} > "$TMP/look.$n"
	ln -f "$TMP/look.0" "$file"
	for ((i = 0; i < n; i++)); do
		exec 7> "$TMP/look.$i"
		ln -f "$TMP/look.$((i + 1))" "$file"
		# shellcheck disable=SC2086
		set -- ${counts[i]}
		[ $# -lt 4 ] || counters "${file%/proc/interrupts}" "$4"
		interrupts "$1" "$2" "$3" >&7
		exec 7>&-
	done &
	writer=$!
	run timeout 30 "$@"
	kill "$writer" 2> /dev/null
	wait "$writer" 2> /dev/null
	return 0
}

test_status_lockdown() {
	make_root "$TMP/copy"
	put "$TMP/copy/sys/kernel/security/lockdown" "none integrity [confidentiality]"
	status_of "$TMP/copy"
	[ "$STATUS" = 0 ] && says "lockdown       confidentiality: no tracing, so watch shows no"
	result $? "status: lockdown by securityfs"
	status_of "$TMP/copy" -j
	json_has 'd["lockdown"] == "confidentiality"'
	result $? "status: JSON of lockdown"
	put "$TMP/copy/sys/kernel/security/lockdown" "[none] integrity confidentiality"
	(cd "$TMP/copy" && parameter 's/$/ lockdown=confidentiality/')
	status_of "$TMP/copy"
	[ "$STATUS" = 0 ] && ! says lockdown
	result $? "control: status: securityfs outweighs the command line"
	rm -r "$TMP/copy/sys/kernel/security"
	status_of "$TMP/copy"
	! says lockdown
	result $? "control: status: a kernel that cannot be locked down"
	echo CONFIG_SECURITY_LOCKDOWN_LSM=y >> "$TMP/copy/boot/config-6.12.0-test"
	(cd "$TMP/copy" && parameter 's/=confidentiality/=integrity/')
	status_of "$TMP/copy"
	[ "$STATUS" = 0 ] && says "lockdown       integrity: no writes to debugfs"
	result $? "status: lockdown by the command line, without securityfs"
}

test_tick() {
	make_root "$TMP/copy"
	looks "$TMP/copy" 2 "0 0 0" "0 100000000 0" "$PROGRAM" --root "$TMP/copy" status -i 0.01
	[ "$STATUS" = 1 ] && says "missing: tick, CPU 3: the tick runs" &&
		says "run one task there"
	result $? "status: a tick that runs on one CPU"
	looks "$TMP/copy" 2 "0 0 0" "0 0 1" "$PROGRAM" --root "$TMP/copy" status -i 0.01
	[ "$STATUS" = 0 ] && ! says "missing: tick" && grep -qE '^ +3 .* no +0 ' "$TMP/out"
	result $? "control: status: no tick"
	(cd "$TMP/copy" && not_hardware)
	looks "$TMP/copy" 2 "0 0 0" "0 100000000 0" "$PROGRAM" --root "$TMP/copy" status -i 0.01
	[ "$STATUS" = 1 ] && says "with clock source hpet the tick does not stop"
	result $? "status: a tick that does not stop because of the clock source"
}

json_has() { # PYTHON-EXPRESSION
	python3 -c 'import json, sys
d = json.loads(sys.stdin.readline())
sys.exit(not eval("(" + sys.argv[1] + ")"))' "$1" < "$TMP/out" 2>> "$TMP/err"
}

test_status_json() {
	status_of "$GOOD" -j
	[ "$STATUS" = 0 ] && json_has 'd["mode"] == "pending" and d["on"] and not d["missing"] and
		[c["cpu"] for c in d["cpus"]] == [2, 3] and d["cpus"][0]["forced"] == 5 and
		d["cpus"][0]["deferred"] == 111 and d["cpus"][0]["entry_flushes"] == 7 and
		d["deferring_cpus"] == "2-3"'
	result $? "status: JSON of a complete machine"
	make_root "$TMP/copy"
	(cd "$TMP/copy" && without_option)
	status_of "$TMP/copy" --json
	[ "$STATUS" = 1 ] && json_has 'd["mode"] == "off" and d["built"] is False and
		not d["on"] and d["missing"][0]["what"] == "coalesce_tlbi" and
		d["deferring_cpus"] == ""'
	result $? "status: JSON of one without the option"
}

test_watch() {
	make_root "$TMP/copy"
	looks "$TMP/copy" 3 "0 0 0 100" "10 20 30 150" "12 20 37 154" \
		"$PROGRAM" --root "$TMP/copy" watch -n 1 -i 0.01
	[ "$STATUS" = 0 ] && grep -qE '^ +2 +7 +0 +2 +0 +0 +0 +9 +0 +4$' "$TMP/out" &&
		grep -qE '^ +3 +0 +0 +0 +0 +0 +0 +0 +0 +0$' "$TMP/out" &&
		! grep -q $'\033' "$TMP/out" && ! says "no deferred"
	result $? "watch: only the counts of the interval; no escape sequences in a pipe"
	looks "$TMP/copy" 3 "0 0 0 100" "10 20 30 150" "12 20 37 154" \
		"$PROGRAM" --root "$TMP/copy" watch -n 1 -i 0.01 -j -C 2
	[ "$STATUS" = 0 ] && json_has 'len(d["cpus"]) == 1 and d["cpus"][0]["cpu"] == 2 and
		d["cpus"][0]["interrupts"] == 9 and d["cpus"][0]["rows"] == {"LOC": 2, "CAL": 7} and
		d["cpus"][0]["deferred"] == 4 and d["initiators"] is None'
	result $? "watch: JSON"
	run "$PROGRAM" --root "$GOOD" watch -n 3 -i 0.01 -j
	[ "$STATUS" = 0 ] && [ "$(wc -l < "$TMP/out")" = 3 ]
	result $? "watch: a line of JSON for each interval, then it ends"
	timeout 30 "$PROGRAM" --root "$GOOD" watch -i 0.01 -j 2> "$TMP/err" | head -n 2 > "$TMP/out"
	[ "${PIPESTATUS[0]}" = 0 ] && [ ! -s "$TMP/err" ] && [ "$(wc -l < "$TMP/out")" = 2 ]
	result $? "watch: ends when its reader does"
	make_root "$TMP/copy"
	(cd "$TMP/copy" && without_option)
	run "$PROGRAM" --root "$TMP/copy" watch -n 1 -i 0.01
	[ "$STATUS" = 0 ] && grep -qE '^ +2 .* -$' "$TMP/out" &&
		says "no deferred: this kernel is without the option"
	result $? "watch: on a kernel without the option"
	make_root "$TMP/copy"
	rm -r "$TMP/copy/sys/kernel/debug"
	run "$PROGRAM" --root "$TMP/copy" watch -n 1 -i 0.01
	[ "$STATUS" = 0 ] && grep -qE '^ +2 .* -$' "$TMP/out" &&
		says "no deferred: /sys/kernel/debug/x86/coalesce_tlbi: No such file or directory;"
	result $? "watch: without debugfs"
	run "$PROGRAM" --root "$TMP/copy" watch -n 1 -i 0.01 -j
	[ "$STATUS" = 0 ] && json_has 'd["cpus"][0]["deferred"] is None' &&
		[ "$(wc -l < "$TMP/out")" = 1 ] && grep -q "no deferred: /sys/kernel" "$TMP/err"
	result $? "watch: JSON without debugfs"
	if script -qec true /dev/null > /dev/null 2>&1 < /dev/null; then
		script -qec "$PROGRAM --root $GOOD watch -n 1 -i 0.01" /dev/null \
			> "$TMP/out" 2> "$TMP/err" < /dev/null
		grep -q $'\033' "$TMP/out"
		result $? "watch: a terminal is rewritten"
	else
		skip "watch: a terminal is rewritten" "no script(1), or no pseudo-terminal"
	fi
}

line() { # FIELD...
	local IFS=$'\t'
	printf '%s\n' "$*"
}

recording() {
	local purge="smp_call_function_many_cond;__purge_vmap_area_lazy"
	echo "# coalesce-tlbi record 1"
	line kernel 6.12.0-test
	line mode off
	line cpus 2-3
	line command ./application -x
	line call 1000 2 0 50 insmod do_flush_tlb_all "$purge"
	line ipi 1001 2 0 50 insmod generic_smp_call_function_single_interrupt "$purge"
	line call 2000 3 1 50 insmod do_flush_tlb_all "$purge"
	line call 3000 2 1 51 rmmod do_sync_core "text_poke_bp_batch"
	line ipi 4000 3 1 0 swapper reschedule ""
	line defer 5000 3 1 52 bpf vunmap ""
	line own-call 6000 2 1 53 coalesce-tlbi do_sync_core "text_poke_bp_batch"
	line own-ipi 6001 2 1 53 coalesce-tlbi generic_smp_call_function_single_interrupt ""
	line row 2 CAL 2 "Function call interrupts"
	line row 2 TLB 1 "TLB shootdowns"
	line row 3 LOC 4 "Local timer interrupts"
	line setup 2 60 -
	line setup 3 1 30
	line lost 0
	line end 2500000000 3
}

report_of() { # [OPTION...]
	run "$PROGRAM" report "$@" "$TMP/rec"
}

test_report() {
	recording > "$TMP/rec"
	report_of
	[ "$STATUS" = 0 ] && says "ran 2.500 s, status 3" &&
		says "CPU 2: 2 interrupts (CAL 2); 2 calls queued, 1 IPIs sent for them;" &&
		says "CPU 3: 4 interrupts (LOC 4); 1 calls queued, 0 IPIs sent for them;" &&
		says " them; 0 IPIs deferred" && says " them; 1 IPIs deferred" &&
		grep -qE '^ +2  call +do_flush_tlb_all +insmod:50 +CPU 2-3$' "$TMP/out" &&
		grep -qE '^ +1  deferred  vunmap +bpf:52 +CPU 3$' "$TMP/out" &&
		grep -qE '^ +1  ipi +reschedule +swapper:0 +CPU 3$' "$TMP/out" &&
		grep -qE '^ +__purge_vmap_area_lazy$' "$TMP/out"
	result $? "report: by CPU, function, task and stack"
	! says generic_smp_call
	result $? "report: the IPI that carries calls is not counted again"
	says "own, before and after the command: at most CAL 60" &&
		says "at most CAL 1, 30 IPIs deferred" &&
		[ "$(grep -c "own, while it ran: 1 events" "$TMP/out")" = 1 ] &&
		grep -qE '^ +1  call +do_sync_core +coalesce-tlbi:53 \(own\) +CPU 2$' "$TMP/out" &&
		grep -qE '^ +1  call +do_sync_core +rmmod:51 +CPU 2$' "$TMP/out"
	result $? "report: IPIs of the tool itself are marked, and not in the counts of the CPU"
	recording | sed '/^setup/d; s/^own-//' > "$TMP/rec"
	report_of
	says "CPU 2: 2 interrupts (CAL 2); 3 calls queued, 2 IPIs sent for them;" && ! says own
	result $? "control: report: of another task they are in the counts, and not marked"
	recording > "$TMP/rec"
	report_of -C 3
	[ "$STATUS" = 0 ] && ! says "do_sync_core" && ! says "CPU 2"
	result $? "report: one CPU"
	report_of -S
	[ "$STATUS" = 0 ] && ! says "__purge_vmap_area_lazy"
	result $? "report: without stacks"
	report_of -j
	[ "$STATUS" = 0 ] && json_has 'd["initiators"][0]["function"] == "do_flush_tlb_all" and
		d["initiators"][0]["count"] == 2 and
		d["initiators"][0]["stack"][1] == "__purge_vmap_area_lazy" and d["complete"] and
		d["status"] == 3 and d["cpus"][1]["deferred"] == 1 and
		len(d["initiators"]) == 5 and [i["task"] for i in d["initiators"] if i["own"]] ==
		["coalesce-tlbi"] and d["cpus"][0]["calls"] == 2 and d["cpus"][0]["own"] ==
		{"setup_calls": 60, "setup_deferred": None, "events": 1} and d["cpus"][1]["own"] ==
		{"setup_calls": 1, "setup_deferred": 30, "events": 0}'
	result $? "report: JSON"
	sed -i '/^end/d' "$TMP/rec"
	report_of
	[ "$STATUS" = 5 ] && says do_sync_core && grep -q "is truncated" "$TMP/err"
	result $? "report: a truncated recording is reported"
	sed -i 's/^lost.*/lost\t7/' "$TMP/rec"
	report_of
	says "7 events or more were lost"
	result $? "report: lost events are reported"
}

# refused STATUS WORDS NAME COMMAND...: COMMAND prints one line that has WORDS
refused() {
	local status=$1 words=$2 name=$3
	shift 3
	run "$@"
	[ "$STATUS" = "$status" ] && [ "$(wc -l < "$TMP/err")" = 1 ] && [ ! -s "$TMP/out" ] &&
		grep -qF -- "$words" "$TMP/err"
	result $? "refused: $name"
}

test_bad_recordings() {
	recording > "$TMP/rec"
	refused 5 "No such file" "a missing recording" "$PROGRAM" report "$TMP/none"
	: > "$TMP/empty"
	refused 5 "not a recording of coalesce-tlbi" "an empty file" "$PROGRAM" report "$TMP/empty"
	refused 5 "not a recording of coalesce-tlbi" "another file" "$PROGRAM" report "$PROGRAM"
	sed 's/\t1000\t2/\t1000\ttwo/' "$TMP/rec" > "$TMP/bad.rec"
	refused 5 "bad.rec:6: not a number" "a field that is not a number" \
		"$PROGRAM" report "$TMP/bad.rec"
	sed 's/\t1000\t2/\t1000\t9999/' "$TMP/rec" > "$TMP/bad.rec"
	refused 5 "bad.rec:6: not a CPU" "a CPU out of range" "$PROGRAM" report "$TMP/bad.rec"
	sed 's/^ipi\t1001/ipi/' "$TMP/rec" > "$TMP/bad.rec"
	refused 5 "bad.rec:7: wrong number of fields" "a line with a missing field" \
		"$PROGRAM" report "$TMP/bad.rec"
	sed 's/\t60\t-/\t60\tmany/' "$TMP/rec" > "$TMP/bad.rec"
	refused 5 "bad.rec:17: not a number" "a count of the set-up that is not a number" \
		"$PROGRAM" report "$TMP/bad.rec"
	sed 's/^lost/gone/' "$TMP/rec" > "$TMP/bad.rec"
	refused 5 "bad.rec:19: unknown word" "an unknown word" "$PROGRAM" report "$TMP/bad.rec"
	refused 2 "not recorded: CPU 1" "a CPU that was not recorded" \
		"$PROGRAM" report -C 1-2 "$TMP/rec"
}

test_bad_options() {
	refused 2 "unknown command 'nonsense'" "an unknown command" "$PROGRAM" nonsense
	refused 2 "unexpected argument: extra" "an argument too many" "$PROGRAM" status extra
	refused 2 "unexpected argument: extra" "a second file" "$PROGRAM" report "$TMP/none" extra
	refused 2 "coalesce-tlbi: status: invalid option -- 'x'" "an unknown option" \
		"$PROGRAM" status -x
	refused 2 "not a directory" "a root that is not a directory" \
		"$PROGRAM" --root "$TMP/none" status
	refused 2 "not a time in seconds: 0" "an interval of 0" "$PROGRAM" watch -i 0
	refused 2 "not a count: many" "a count that is not a number" "$PROGRAM" watch -n many
	refused 2 "not a CPU list: 3-2" "a bad CPU list" \
		"$PROGRAM" --root "$GOOD" watch -C 3-2
	refused 2 "not online: CPU 4-5" "CPUs that are not online" \
		"$PROGRAM" --root "$GOOD" watch -C 3-5
	refused 125 "no --root" "to record a copy" "$PROGRAM" --root "$GOOD" record true
	make_root "$TMP/copy"
	(cd "$TMP/copy" && nothing_isolated)
	refused 2 "name CPUs with -C" "to watch where no CPU is isolated" \
		"$PROGRAM" --root "$TMP/copy" watch
	rm "$TMP/copy/proc/interrupts"
	refused 5 "/proc/interrupts: No such file" "a machine without /proc" \
		"$PROGRAM" --root "$TMP/copy" status
	echo "nonsense" > "$TMP/copy/proc/interrupts"
	refused 5 "no CPU in its first line" "interrupts without CPUs" \
		"$PROGRAM" --root "$TMP/copy" status
	run sh -c '"$1" --root "$2" watch -n 1 -i 0.01 > /dev/full' - "$PROGRAM" "$GOOD"
	[ "$STATUS" = 5 ] && grep -q "standard output" "$TMP/err"
	result $? "refused: to watch into a full device"
	run sh -c '"$1" --root "$2" status -i 0.001 > /dev/full' - "$PROGRAM" "$GOOD"
	[ "$STATUS" = 5 ] && grep -q "standard output" "$TMP/err"
	result $? "refused: status into a full device"
	make_root "$TMP/copy"
	echo "2-" > "$TMP/copy/sys/devices/system/cpu/nohz_full"
	refused 5 "not a CPU list: 2-" "a bad CPU list in /sys" \
		"$PROGRAM" --root "$TMP/copy" status -i 0.001
	run "$PROGRAM"
	[ "$STATUS" = 2 ] && grep -q '^usage:' "$TMP/err"
	result $? "refused: no command; the usage is printed"
}

as_nobody() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		"$@"
	fi
}

test_not_root() {
	cd / || return
	refused 125 "tracing needs root" "to record without root" \
		as_nobody "$PROGRAM" record -C 0 -o "$TMP/none.rec" true
	[ ! -e "$TMP/none.rec" ]
	result $? "refused: to record without root leaves no file"
	run as_nobody "$PROGRAM" watch -C 0 -n 1 -i 0.01
	[ "$STATUS" = 0 ] && says "no initiators: tracing needs root"
	result $? "watch: without root, without initiators"
	run as_nobody "$PROGRAM" status -i 0.001
	[ "$STATUS" -le 1 ] && says "coalesce_tlbi  "
	result $? "status: without root, on this machine"
}

# Root of its own user namespace may not mount tracefs
test_no_tracefs() {
	if ! unshare -rm true 2> /dev/null || grep -q ' tracefs ' /proc/self/mounts; then
		skip "refused: to record without tracefs" "no namespace, or a tracefs is mounted"
		return
	fi
	refused 125 "no tracefs" "to record without tracefs" \
		unshare -rm "$PROGRAM" record -C 0 -o "$TMP/none.rec" true
	run unshare -rm "$PROGRAM" watch -C 0 -n 1 -i 0.01
	[ "$STATUS" = 0 ] && says "no initiators: no tracefs"
	result $? "watch: without tracefs, without initiators"
}

# completes WORD...: what the completion offers for the last word
completes() { # WORD...
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _coalesce_tlbi
		printf "%s\n" "${COMPREPLY[@]}"' - "$HERE/../coalesce-tlbi.bash" "$@" \
		> "$TMP/out" 2> "$TMP/err"
}

test_completion() {
	completes coalesce-tlbi st
	[ "$(cat "$TMP/out")" = status ]
	result $? "completion: a command"
	completes coalesce-tlbi --root / watch --c
	[ "$(sort "$TMP/out" | tr '\n' ' ')" = "--count --cpus " ]
	result $? "completion: its options, after --root"
	completes coalesce-tlbi report --i
	[ -z "$(cat "$TMP/out")" ]
	result $? "control: completion: not the options of another command"
	(cd "$GOOD" && completes coalesce-tlbi report pr && [ "$(cat "$TMP/out")" = proc ])
	result $? "completion: a recording"
	completes coalesce-tlbi --root = "$GOOD/pro"
	[ "$(cat "$TMP/out")" = "$GOOD/proc" ]
	result $? "completion: a directory after an equals sign"
	completes coalesce-tlbi --root = / watch --c
	[ "$(sort "$TMP/out" | tr '\n' ' ')" = "--count --cpus " ]
	result $? "completion: options of the command after that"
	completes coalesce-tlbi record -o x -- tru
	grep -qx true "$TMP/out"
	result $? "completion: the command that is recorded"
}

# The man page has every option.
test_manual() {
	local command word status=0
	for command in status watch record report; do
		run "$PROGRAM" "$command" --help
		for word in $(grep -oE -- '-[a-zA-Z]( |\])' "$TMP/out" | tr -d ' ]'); do
			grep -qE "^\.(It|Op) Fl ${word#-}( |\$)" "$HERE/../coalesce-tlbi.1" || {
				echo "# not in the man page: $word"
				status=1
			}
		done
	done
	result $status "man page: has every option"
}

echo "KTAP version 1"
"$UNIT" > "$TMP/unit"
result $? "unit: $(grep -c '^ok' "$TMP/unit") passed, $(grep -c '^not ok' "$TMP/unit") failed"
grep '^not ok' "$TMP/unit" | sed 's/^/  # /'
make_root "$GOOD"
test_status_good
test_status_missing
test_status_idle_irq
test_status_derived
test_status_lockdown
test_tick
test_status_json
test_watch
test_report
test_bad_recordings
test_bad_options
test_not_root
test_no_tracefs
test_completion
test_manual
echo "1..$N"
[ "$FAILED" = 0 ]
