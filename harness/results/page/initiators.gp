# SPDX-License-Identifier: GPL-2.0
# ISOLATED UNPATCHED PENDING ALONE
set xrange [0:16]
set xtics 1
set yrange [0:*]
set format y "%.0f"
set xlabel "isolated CPUs among 16, in user mode"
set ylabel "guest instructions of one purge"
set key outside top center horizontal reverse Left
plot rows using 1:2 with linespoints pointtype 5 linewidth 2 linecolor rgb unpatched \
		title "unpatched", \
	rows using 1:3 with linespoints pointtype 7 linewidth 2 linecolor rgb ours title "pending", \
	rows using 1:4 with linespoints pointtype 9 linewidth 2 dashtype 2 linecolor rgb paler \
		title "pending, no others online"
