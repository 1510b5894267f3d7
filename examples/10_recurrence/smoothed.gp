# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# The picture of recurrence.cpp: gnuplot -c smoothed.gp SMOOTHED.txt PICTURE.png

set terminal pngcairo size 1000,420 font "DejaVu Sans,12"
set output ARG2
points = ARG1
year(day) = 1973 + (day + 2) / 365.2425  # the first line is the third of January

set title "How much longer than 86400 s a day was, and two recurrences that smooth it"
set ylabel "milliseconds"
set xrange [1972:2027]
set xtics 1975,5,2025
set yrange [-2:5]
set grid lc rgb "#dddddd"
set key top right
plot points using (year($0)):1 with dots lc rgb "#bbbbbb" notitle, \
  keyentry with points pt 7 lc rgb "#bbbbbb" title "measured", \
  points using (year($0)):2 with lines lw 2 lc rgb "#c0392b" title "exponential moving average", \
  points using (year($0)):3 with lines lw 2 lc rgb "#2471a3" title "low-pass filter of order 2"
