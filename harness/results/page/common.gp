# SPDX-License-Identifier: GPL-2.0
# Before each figure: rows and name are given.
set datafile separator "\t"
set datafile missing "-"
set terminal svg size 860,440 dynamic font "sans-serif,13" name name background "white"
set border 3 linecolor "#888888"
set tics nomirror
set grid xtics ytics linecolor "#dddddd"
# Told apart in grey, too
unpatched = "#c0392b"
ours = "#1f5f99"
paler = "#8fb8dc"
quiet = "#999999"
