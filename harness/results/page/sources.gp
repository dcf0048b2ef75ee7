# SPDX-License-Identifier: GPL-2.0
# OPERATION UNPATCHED OFF ALWAYS PENDING: a pair of bars each, on a logarithmic scale
stats rows using 2 nooutput
n = STATS_records
set terminal svg size 860,(110 + 34 * n) dynamic font "sans-serif,13" name name background "white"
set logscale x
set xrange [0.5:200000]
set yrange [n - 0.5:-0.5]
set xlabel "interrupts that an isolated CPU takes for 100 operations (no bar: none)"
set key outside top center horizontal reverse Left
set grid noytics
set style fill solid noborder
bar(v) = v < 0.5 ? 0.5 : v
plot rows using (bar($2)):0:(0.5):(bar($2)):($0 - 0.38):($0):ytic(1) with boxxyerror \
		linecolor rgb unpatched title "unpatched", \
	rows using (bar($5)):0:(0.5):(bar($5)):($0):($0 + 0.38) with boxxyerror \
		linecolor rgb ours title "pending", \
	rows using (bar($2) * 1.1):($0 - 0.19):2 with labels left font ",10" notitle, \
	rows using (bar($5) * 1.1):($0 + 0.19):5 with labels left font ",10" notitle
