# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# The picture of layer_cpu.txt: gnuplot -c layer_cpu.gp layer_cpu.txt ../layer_cpu.svg

set terminal svg size 760,420 font "DejaVu Sans,13" background "#ffffff"
set output ARG2
set logscale xy 2
set xrange [400:84000]
set format x "%.0f"
set grid lc rgb "#dddddd"
set key top left samplen 2
set title "Forward pass of (1, L, 128, 32) on two cores; dashed: in proportion to L"
set xlabel "L"
set ylabel "ms"
plot ARG1 using 1:2 with linespoints pt 7 ps 0.6 lw 2 lc rgb "#c0392b" title "default flags", \
  ARG1 using 1:3 with linespoints pt 7 ps 0.6 lw 2 lc rgb "#2471a3" title "-march=native", \
  0.307 * x / 512 with lines dt 2 lc rgb "#888888" notitle, \
  0.078 * x / 512 with lines dt 2 lc rgb "#888888" notitle
