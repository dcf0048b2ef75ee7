# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# checkpatch, for files and for mails.  Sourced after lib.sh by a script that
# then sets TREE, the tree whose checkpatch it is.

# Types of messages that are ignored, by file, and why.
ignored_in() { # FILE
	case $1 in
	# Assembly, which it reads as C, and which cannot include linux/percpu.h
	*/asm/coalesce_tlbi.h)	echo SPACING,CAMELCASE,ARCH_INCLUDE_LINUX ;;
	# register_nmi_handler(), which linux/nmi.h does not declare
	*/test_modules/oracle.c)	echo INCLUDE_LINUX ;;
	# Its purpose is to crash
	*/test_modules/memory.c)	echo AVOID_BUG ;;
	# TRACE_EVENT() as the kernel writes it
	*/trace/events/*|*/calls_event.h)	echo OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT ;;
	# An unchanged line in the hunk
	*/percpu-vm.c*)	echo OPEN_ENDED_LINE ;;
	# Not kernel code: no linux/compiler.h; zlib's names; a loop over a set
	*/coalesce_tlbi/common.h|*/coalesce_tlbi/checks.c)	echo PREFER_DEFINED_ATTRIBUTE_MACRO ;;
	*/coalesce_tlbi/kernel.c)	echo CAMELCASE ;;
	*/coalesce_tlbi/cpus.h)	echo MACRO_ARG_REUSE ;;
	# Not kernel code: libelf's names, and no linux/compiler.h
	*/audit/image.c)	echo CAMELCASE ;;
	*/audit/audit.h)	echo PREFER_DEFINED_ATTRIBUTE_MACRO ;;
	# Not kernel code: QEMU's names and types, no linux/array_size.h
	*/watch/plugin/*)	echo PREFER_KERNEL_TYPES,BIT_MACRO,CAMELCASE,NEW_TYPEDEFS,ARRAY_SIZE,REPEATED_WORD ;;
	# The form of every line of that file
	*/cpufeatures.h*)	echo SPACING ;;
	esac
}

# checkpatch IGNORED ARGUMENT...: standard error is about missing Python modules.
checkpatch() {
	local types=$1
	shift
	perl "$TREE/scripts/checkpatch.pl" --root="$TREE" --strict --no-summary --terse --quiet \
		--ignore "$types" "$@" 2> /dev/null
}

# checkpatch_file FILE [OPTION...]: a file or a hunk of the overlay
checkpatch_file() {
	local file=$1
	shift
	# Of mails
	checkpatch "FILE_PATH_CHANGES,COMMIT_MESSAGE,MISSING_SIGN_OFF,$(ignored_in "$file")" "$@"
}

# checkpatch_mail MAIL: a file that git format-patch wrote
checkpatch_mail() {
	local types file
	# The series' last commit has the entry in MAINTAINERS
	types=FILE_PATH_CHANGES
	while read -r file; do
		types+=,$(ignored_in "$file")
	done < <(sed -n 's|^+++ b/||p' "$1")
	checkpatch "$types" --show-types "$1"
}
