# SPDX-License-Identifier: GPL-2.0
#
# The commands of a guide in reStructuredText: lines of its literal blocks that
# begin with a prompt, "# " or "$ ".  Prints "run COMMAND" and, for each line of
# output that the guide shows, "see LINE".  An empty line ends a block.

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
