# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of coalesce-tlbi's command line, for bash-completion

_coalesce_tlbi_options() { # COMMAND
	case $1 in
	status) echo "--interval --json --help" ;;
	watch) echo "--interval --count --cpus --no-trace --json --help" ;;
	record) echo "--output --cpus --no-stacks --help" ;;
	report) echo "--cpus --no-stacks --json --help" ;;
	*) echo "--root --help status watch record report" ;;
	esac
}

# The index of the value of the option at index AT; "--root=/tmp" is three words.
_coalesce_tlbi_value() { # AT
	[ "${COMP_WORDS[$1 + 1]}" = = ] && echo "$(($1 + 2))" || echo "$(($1 + 1))"
}

# The index of the command, and the command; 0 if there is none yet
_coalesce_tlbi_find() {
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-r|--root) i=$(_coalesce_tlbi_value "$i") ;;
		-*) ;;
		*)
			echo "$i ${COMP_WORDS[i]}"
			return ;;
		esac
	done
	echo "0"
}

# The index of the command that record runs; 0 if it is not before the cursor
_coalesce_tlbi_recorded() { # FROM
	local i
	for ((i = $1 + 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-o|--output|-C|--cpus) i=$(_coalesce_tlbi_value "$i") ;;
		--)
			echo "$((i + 1))"
			return ;;
		-*) ;;
		*)
			echo "$i"
			return ;;
		esac
	done
	echo 0
}

# Offer files or directories; bash quotes them.
_coalesce_tlbi_files() { # -f|-d WORD
	compopt -o filenames 2> /dev/null
	mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
}

_coalesce_tlbi() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local at command recorded
	if [ "$word" = = ]; then
		word=
	elif [ "$previous" = = ]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	read -r at command <<< "$(_coalesce_tlbi_find)"
	COMPREPLY=()
	if [ "$command" = record ]; then
		recorded=$(_coalesce_tlbi_recorded "$at")
		if [ "$recorded" != 0 ]; then
			if declare -F _command_offset > /dev/null; then
				_command_offset "$recorded"
			else
				mapfile -t COMPREPLY < <(compgen -c -- "$word")
			fi
			return
		fi
	fi
	case $previous in
	-r|--root)
		_coalesce_tlbi_files -d "$word"
		return ;;
	-o|--output)
		_coalesce_tlbi_files -f "$word"
		return ;;
	-C|--cpus)
		mapfile -t COMPREPLY < <(compgen -W \
			"$(cat /sys/devices/system/cpu/nohz_full 2> /dev/null)" -- "$word")
		return ;;
	-i|--interval|-n|--count)
		return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$(_coalesce_tlbi_options "$command")" -- "$word")
	[ "$command" != report ] || [[ $word = -* ]] || _coalesce_tlbi_files -f "$word"
	[ "$command" != record ] || [[ $word = -* ]] || [ -z "$word" ] ||
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
}

complete -F _coalesce_tlbi coalesce-tlbi
