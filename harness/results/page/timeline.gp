# SPDX-License-Identifier: GPL-2.0
# MODE MICROSECONDS KIND: a panel for each mode, as long as its rounds took
modes = "off always pending"
of(mode, kind) = strcol(1) eq mode && strcol(3) eq kind ? $2 / 1000 : NaN
set terminal svg size 860,460 dynamic font "sans-serif,13" name name background "white"
set yrange [0:2]
unset ytics
set grid noytics
set border 1
set key outside top center horizontal reverse Left
set style arrow 1 nohead linewidth 1 linecolor rgb quiet
set style arrow 2 nohead linewidth 2 linecolor rgb unpatched
set style arrow 3 nohead linewidth 2 linecolor rgb ours
set lmargin 12
set multiplot layout 3,1
do for [mode in modes] {
	set ylabel mode rotate by 0 offset -1
	if (mode eq "pending") {
		set xlabel "milliseconds since the first event, of emulated time"
	}
	plot rows using (of(mode, "requested")):(1.1):(0):(0.6) with vectors \
			arrowstyle 1 title (mode eq "off" ? "flush requested" : ""), \
		rows using (of(mode, "received")):(0.2):(0):(0.8) with vectors \
			arrowstyle 2 title (mode eq "off" ? "IPI received by the isolated CPU" : ""), \
		rows using (of(mode, "deferred")):(0.2):(0):(0.8) with vectors \
			arrowstyle 3 title (mode eq "off" ? "deferred IPI" : "")
}
unset multiplot
