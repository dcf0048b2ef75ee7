# SPDX-License-Identifier: GPL-2.0
# Results to rows; the columns are named in harness/report's tables.

def flushes:
	.modes as $off | .modes_pti as $on
	| ("off", "on") as $pti | ("off", "always", "pending") as $mode
	| (if $pti == "off" then $off else $on end)[$mode]
	| [$pti, $mode, .ipis, .deferred, .entry_flushes, (.stale // "not observable")]
	| @tsv;

def sources:
	map(select(.interrupted_for == "all interrupts")) as $all
	| reduce $all[].operation as $name ([]; if index([$name]) then . else . + [$name] end)
	| .[] as $name
	| [$name, (("unpatched", "off", "always", "pending") as $kernel
		| first($all[] | select(.operation == $name and .kernel == $kernel) | .per_100) // "-")]
	| @tsv;

def sources_rt: sources;

def timeline:
	("off", "always", "pending") as $mode
	| ("requested", "received", "deferred") as $kind
	| (.[$mode][$kind] // [])[] | [$mode, ., $kind] | @tsv;

def kernel:
	{"unused": "built in, no nohz_full=", "unpatched-unused": "unpatched, no nohz_full="}[.] // .;

def syscalls:
	map(select(.entry == "syscall")) as $all
	| ("off", "on") as $pti | ("housekeeping", "isolated") as $cpu
	| $all[] | select(.pti == $pti and .cpu == $cpu)
	| [.pti, .cpu, (.kernel | kernel), .in_entry_text, .flushes, .median] | @tsv;

def initiators:
	. as $all | ([.[].isolated] | unique)[] as $n
	| [$n, (("unpatched", "pending", "alone") as $kernel
		| first($all[] | select(.isolated == $n and .kernel == $kernel) | .median) // "-")]
	| @tsv;

def programs:
	. as $all
	| def count($program; $cpu; $what; $kernel):
		first($all[] | select(.program == $program and .cpu == $cpu and .what == $what
			and .kernel == $kernel) | .count) // "-";
	reduce $all[].program as $name ([]; if index([$name]) then . else . + [$name] end)
	| .[] as $program
	| ([$all[] | select(.program == $program) | .cpu | values] | unique)[] as $cpu
	| [$program, $cpu, (("unpatched", "off", "pending") as $kernel
		| count($program; $cpu; "deferrable calls"; $kernel)),
	   count($program; $cpu; "not sent"; "pending")]
	| @tsv;
