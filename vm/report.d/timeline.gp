# SPDX-License-Identifier: GPL-2.0
# MODE MICROSECONDS KIND: a lane for each mode
lane(mode) = mode eq "off" ? 2 : mode eq "always" ? 1 : 0
of(kind) = strcol(3) eq kind ? $2 / 1000 : NaN
set terminal svg size 860,320 dynamic font "sans-serif,13" name name background "white"
set yrange [-0.6:2.6]
set ytics ("owed" 0, "always" 1, "off" 2)
set xlabel "milliseconds since the first request, of emulated time"
set key outside top center horizontal reverse Left
set style arrow 1 nohead linewidth 2 linecolor rgb quiet
set style arrow 2 nohead linewidth 3 linecolor rgb unpatched
set style arrow 3 nohead linewidth 2 linecolor rgb ours
plot rows using (of("requested")):(lane(strcol(1)) + 0.12):(0):(0.22) with vectors \
		arrowstyle 1 title "flush requested", \
	rows using (of("received")):(lane(strcol(1)) - 0.34):(0):(0.4) with vectors \
		arrowstyle 2 title "the isolated CPU is interrupted", \
	rows using (of("deferred")):(lane(strcol(1)) - 0.34):(0):(0.4) with vectors \
		arrowstyle 3 title "its interrupt is not sent"
