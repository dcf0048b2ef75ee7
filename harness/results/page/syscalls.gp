# SPDX-License-Identifier: GPL-2.0
# PTI CPU KERNEL IN-TEXT FLUSHES MEDIAN: bars for the kernels booted with nohz_full=
kernels = "unpatched off pending always"
place(k) = k eq "unpatched" ? 0 : k eq "off" ? 1 : k eq "pending" ? 2 : k eq "always" ? 3 : NaN
group(pti, cpu) = (pti eq "on" ? 2 : 0) + (cpu eq "isolated" ? 1 : 0)
at(k) = strcol(3) eq k ? group(strcol(1), strcol(2)) * 5 + place(k) : NaN
set bmargin 4
set xrange [-1:19]
set yrange [0:*]
set xtics ("housekeeping" 1.5, "isolated" 6.5, "housekeeping,\npage-table isolation" 11.5, \
	"isolated,\npage-table isolation" 16.5) scale 0
set ylabel "guest instructions in the entry text"
set key outside top center horizontal reverse Left
set grid noxtics
set boxwidth 0.9
set style fill solid noborder
colour(k) = k eq "unpatched" ? unpatched : k eq "off" ? quiet : k eq "pending" ? ours : paler
plot for [k in kernels] rows using (at(k)):4 with boxes linecolor rgb colour(k) title k, \
	for [k in kernels] rows using (at(k)):($4 + 3):4 with labels font ",10" notitle
