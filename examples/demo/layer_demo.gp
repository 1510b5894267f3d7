# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# The picture of layer_demo.cpp: gnuplot -c layer_demo.gp POINTS.txt PICTURE.png

set terminal pngcairo size 1100,900 font "DejaVu Sans,13"
set output ARG2
points = ARG1
stats points index 1 using 1 nooutput
length = STATS_records
stats points index 0 matrix nooutput
ranks = STATS_size_x

set multiplot title "The gates of a model of the original layer over its first sequence"
set xrange [-0.5:length - 0.5]
set lmargin at screen 0.09
set rmargin at screen 0.89
set tics out nomirror

set tmargin at screen 0.91
set bmargin at screen 0.50
set title "How far each gate is open" font ",12"
set ylabel "rank"
set yrange [-0.5:ranks - 0.5]
set cbrange [0:1]
set format cb "%.1f"
set palette defined (0 "#ffffff", 0.5 "#7fb3d5", 1 "#154360")
plot points index 0 matrix using 2:1:3 with image notitle

set grid lc rgb "#dddddd"
set tmargin at screen 0.41
set bmargin at screen 0.30
set title "Their sum, the rank in effect"
set ylabel "sum of gates"
set yrange [0:ranks]
set ytics ranks / 4.0
plot points index 1 using 0:1 with lines lc rgb "#333333" notitle

set tmargin at screen 0.21
set bmargin at screen 0.10
set title "Largest distance of y from the original's, in units of what is allowed"
set xlabel "position in the sequence"
set ylabel "distance"
set logscale y
set format y "%g"
set yrange [0.0001:3]
set ytics auto
plot points index 1 using 0:2 with lines lc rgb "#2471a3" notitle, \
  1 with lines lw 1.5 dt 2 lc rgb "#333333" notitle
unset multiplot
