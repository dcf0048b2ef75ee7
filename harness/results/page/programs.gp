# SPDX-License-Identifier: GPL-2.0
# PROGRAM CPU UNPATCHED OFF PENDING DEFERRED: three bars each
stats rows using 2 nooutput
n = STATS_records
set bmargin 4
set xrange [-0.7:n - 0.3]
set yrange [0:*]
set offsets 0, 0, graph 0.08, 0
set ylabel "deferrable IPIs"
set key outside top center horizontal reverse Left
set grid noxtics
set boxwidth 0.27
set style fill solid noborder
kernel(i) = i == 0 ? "unpatched" : i == 1 ? "off" : "pending"
colour(i) = i == 0 ? unpatched : i == 1 ? quiet : ours
place(i) = (i - 1) * 0.29
plot for [i = 0:2] rows using ($0 + place(i)):i + 3 with boxes \
		linecolor rgb colour(i) title kernel(i), \
	rows using 0:(0):xtic(strcol(1)."\nCPU ".strcol(2)) with dots notitle, \
	for [i = 0:2] rows using ($0 + place(i)):i + 3:i + 3 with labels offset 0,0.6 font ",10" notitle
