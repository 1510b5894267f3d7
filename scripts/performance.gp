# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# Shares of a copy's speed over length and inner extent, ours and the fastest peer's:
# gnuplot -c performance.gp POINTS.txt PICTURE.svg

set terminal svg size 980,460 font "DejaVu Sans,13" background "#ffffff"
set output ARG2
points = ARG1

set multiplot layout 1,2 title "Share of a copy's speed, float; a square for each drawn shape"
set logscale xy 2
set xrange [1.4:2**22.6]
set yrange [0.7:2**18.6]
set xtics ("2" 2, "32" 32, "512" 512, "8 Ki" 2**13, "128 Ki" 2**17, "2 Mi" 2**21)
set ytics ("1" 1, "8" 8, "64" 64, "512" 2**9, "4 Ki" 2**12, "32 Ki" 2**15, "256 Ki" 2**18)
set xlabel "length"
set ylabel "inner extent"
set grid lc rgb "#dddddd"
set cbrange [0:1]
set cbtics 0.25
set palette defined (0 "#7b1f2e", 0.25 "#d9603b", 0.5 "#f2c14e", 0.75 "#8fbf9f", 1 "#1f5f8b")
set title "FusedScan, CompensatedSum" font ",12"
plot points using 1:2:3 with points pt 5 ps 1.5 lc palette notitle
set title "The fastest peer" font ",12"
plot points using 1:2:4 with points pt 5 ps 1.5 lc palette notitle
unset multiplot
