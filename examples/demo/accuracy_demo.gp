# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# The picture of accuracy_demo.cpp: gnuplot -c accuracy_demo.gp POINTS.txt PICTURE.png

set terminal pngcairo size 1100,900 font "DejaVu Sans,13"
set output ARG2
points = ARG1
year(day) = 1973 + (day + 2) / 365.2425  # the first line is the third of January

set multiplot layout 2,1 title "How far the Earth has fallen behind atomic clocks since 1973, and what float sums make of it"
set xrange [1972:2027]
set xtics 1975,5,2025
set grid lc rgb "#dddddd"
set lmargin 11
set rmargin 4

set title "The running sum of what each day had more than 86400 s" font ",12"
set ylabel "sum (s)"
set yrange [0:30]
plot points using (year($0)):($1 / 1000) with lines lw 2 lc rgb "#333333" notitle

set title "Distance of the float sums from the exact sum; correctly rounded ones stay below 0.5" font ",12"
set xlabel "year"
set ylabel "error (units in the last place)"
set logscale y
set yrange [0.001:1000]
set format y "%g"
set key top left horizontal samplen 1 spacing 1.2
# A dot is too small for the key: its entries are drawn as points.
plot points using (year($0)):(abs($2)) with dots lc rgb "#c0392b" notitle, \
  "" using (year($0)):(abs($4)) with dots lc rgb "#e0a030" notitle, \
  "" using (year($0)):(abs($5)) with dots lc rgb "#2471a3" notitle, \
  keyentry with points pt 7 lc rgb "#c0392b" title "a loop", \
  keyentry with points pt 7 lc rgb "#e0a030" title "inclusive\\_scan, Sum", \
  keyentry with points pt 7 lc rgb "#2471a3" title "inclusive\\_scan, CompensatedSum", \
  0.5 with lines lw 1.5 dt 2 lc rgb "#333333" title "0.5"
unset multiplot
