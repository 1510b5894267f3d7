# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# Fails unless README.md shows the lines between the marks of 01_cumulative_sum.cpp.

cmake_minimum_required(VERSION 3.23)
set(mark "  // [readme]\n")
file(READ ${CMAKE_CURRENT_LIST_DIR}/01_cumulative_sum.cpp program)
file(READ ${CMAKE_CURRENT_LIST_DIR}/../README.md readme)

string(FIND "${program}" "${mark}" begin)
string(FIND "${program}" "${mark}" end REVERSE)
string(LENGTH "${mark}" mark_length)
math(EXPR begin "${begin} + ${mark_length}")
math(EXPR length "${end} - ${begin}")
if(length LESS 1)
  message(FATAL_ERROR "01_cumulative_sum.cpp lacks its two marks")
endif()
string(SUBSTRING "${program}" ${begin} ${length} lines)
string(REPLACE "\n  " "\n" lines "\n${lines}")

string(FIND "${readme}" "${lines}" place)
if(place EQUAL -1)
  message(FATAL_ERROR "README.md lacks these lines of examples/01_cumulative_sum.cpp:${lines}")
endif()
