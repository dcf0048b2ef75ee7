# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What boot-qemu and boot-bochs share: a guest's kernel parameters, its
# initramfs, and the verdict on how it ended.  Sourced after lib.sh by a script
# that then sets:
#	NAME KERNEL TESTS	its arguments
#	TIMEOUT			seconds that a boot may take
#	ARCHIVES		more compressed cpio archives for its root
# and finds in
#	IMAGE			what is booted
#	OUT			prefix of the name of every file that it leaves

RESULTS=$BUILD/results
ARCHIVES=()

# Where kbuild leaves what is booted
kernel_image() {
	local image
	for image in "$KERNEL"/arch/{x86/boot/bzImage,arm64/boot/Image}; do
		[ ! -e "$image" ] || { echo "$image"; return; }
	done
	die "no kernel in $KERNEL"
}

# guest_begin: check what is to be booted, and remove results of earlier boots
guest_begin() {
	local file
	IMAGE=$(kernel_image)
	for file in "$TESTS" "${ARCHIVES[@]}"; do
		[ -e "$file" ] || die "there is no $file"
	done
	OUT=$RESULTS/$NAME
	mkdir -p "$RESULTS"
	rm -f "$OUT".*
	: > "$OUT.tap"
	: > "$OUT.console"
	guest_initrd
}

# Long stall timeouts, no watchdogs, no check of the timer: emulated CPUs wait
# for host CPUs, and a busy host has that check panic.
guest_parameters() { # PARAMETER...
	local machine
	case $IMAGE in
	# The machine's own port, and one on PCI for results.  No events: the
	# tracers test themselves.
	*/arm64/*)	machine="console=ttyAMA0 RESULT_PORT=/dev/ttyS0" ;;
	*)	machine="console=ttyS0 tsc=reliable no_timer_check
			trace_event=csd:csd_function_entry,coalesce_tlbi:coalesce_tlbi_defer" ;;
	esac
	# shellcheck disable=SC2086
	echo $machine nowatchdog nosoftlockup rcupdate.rcu_cpu_stall_timeout=300 irqaffinity=0 "$@"
}

# The test list goes into an archive after the others.
guest_initrd() {
	local dir=$OUT.initrd.d
	rm -rf "$dir"
	mkdir -p "$dir"
	cp "$TESTS" "$dir/tests"
	{
		cat "$KERNEL/initramfs.gz" "${ARCHIVES[@]}"
		(cd "$dir" && echo tests | cpio -o -H newc --quiet | gzip)
	} > "$OUT.initrd"
	rm -rf "$dir"
}

# guest_judge STATUS EMULATOR: how the guest ended, the most telling cause first.
# STATUS is the emulator's; 124 and 137 mean that it timed out.
guest_judge() {
	local timed_out=
	case $1 in 124|137) timed_out=1 ;; esac
	if ! grep -q '^KTAP version' "$OUT.tap"; then
		[ -s "$OUT.console" ] || [ -n "$timed_out" ] || {
			note "$NAME: $2 failed: $(tail -n 1 "$OUT.log")"
			return "$EXIT_HARNESS"
		}
		note "$NAME: the guest never reached init: see $OUT.console"
		return "$EXIT_NO_INIT"
	fi
	if grep -q 'Kernel panic' "$OUT.console"; then
		note "$NAME: $(grep -m 1 -o 'Kernel panic.*' "$OUT.console")"
		return "$EXIT_PANICKED"
	fi
	if [ -n "$timed_out" ]; then
		note "$NAME: timed out after $TIMEOUT s: see $OUT.tap"
		return "$EXIT_TIMED_OUT"
	fi
	"$TOP/harness/results/verdict" -q "$OUT.tap"
}
