# SPDX-License-Identifier: GPL-2.0
#
# The commands of a guide in reStructuredText: of its literal blocks the lines that begin
# with a prompt, "# " or "$ ".  Prints a block at a time, blocks by an empty line apart:
# "run COMMAND" and, for what the guide shows as its answer, "see LINE".

function end_block() {
	if (open)
		print ""
	open = 0
}

/^[^ \t]/	{ end_block(); literal = 0 }
/::$/		{ literal = 1 }
/^[ \t]*$/	{ next }
literal && /^  [#$] / {
	print "run " substr($0, 5)
	open = 1
	next
}
open && /^  /	{ print "see " substr($0, 3) }
END		{ end_block() }
