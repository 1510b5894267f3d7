# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# Fails unless every block of C++ or CMake in README.md, docs/ and the comments of the public headers
# is cut from a file that is compiled or configured by a test. The line before the block says where it
# is cut from:
#
#   <!-- examples/x/x.cpp [mark] -->      the lines between two comments // [mark] or # [mark]
#
# The indentation of the first line is taken off all of them; marks of other cuts are left out.

cmake_minimum_required(VERSION 3.23)
get_filename_component(project ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)

# cut(VARIABLE FILE MARK)
function(cut variable file mark)
  file(READ ${project}/${file} text)
  if(NOT "${text}" MATCHES "\n( *)(//|#) \\[${mark}\\]\n")
    message(FATAL_ERROR "${file} has no mark [${mark}]")
  endif()
  set(line "${CMAKE_MATCH_0}")
  set(indentation "${CMAKE_MATCH_1}")
  string(FIND "${text}" "${line}" begin)
  string(LENGTH "${line}" length)
  math(EXPR begin "${begin} + ${length}")
  string(SUBSTRING "${text}" ${begin} -1 text)
  string(FIND "${text}" "${line}" end)
  if(end EQUAL -1)
    message(FATAL_ERROR "${file} has one mark [${mark}] instead of two")
  endif()
  string(SUBSTRING "${text}" 0 ${end} text)
  string(REGEX REPLACE "\n *(//|#) \\[[a-z_]+\\]\n" "\n" text "\n${text}\n")
  string(REPLACE "\n${indentation}" "\n" text "${text}")
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

file(GLOB pages ${project}/README.md ${project}/docs/*.md ${project}/src/fused_scan/*.hpp)
set(count 0)
foreach(page IN LISTS pages)
  file(READ ${page} rest)
  if(page MATCHES "\\.hpp$")
    string(REGEX REPLACE "\n/// ?" "\n" rest "${rest}")
  endif()
  while("${rest}" MATCHES "\n([^\n]*)\n```(cpp|cmake)\n")
    set(head "${CMAKE_MATCH_0}")
    set(comment "${CMAKE_MATCH_1}")
    string(FIND "${rest}" "${head}" begin)
    string(LENGTH "${head}" length)
    math(EXPR begin "${begin} + ${length}")
    string(SUBSTRING "${rest}" ${begin} -1 rest)
    string(FIND "${rest}" "\n```\n" end)
    string(SUBSTRING "${rest}" 0 ${end} block)
    if(NOT "${comment}" MATCHES "^<!-- ([^ ]+) \\[([a-z_]+)\\] -->$")
      message(FATAL_ERROR "${page}: the line before a block doesn't say where it is cut from:\n${block}")
    endif()
    set(source "${CMAKE_MATCH_1} [${CMAKE_MATCH_2}]")
    cut(lines ${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
    if(NOT "${lines}" STREQUAL "\n${block}\n")
      message(FATAL_ERROR "${page} differs from ${source}, which is:\n${lines}")
    endif()
    math(EXPR count "${count} + 1")
  endwhile()
endforeach()
if(count EQUAL 0)
  message(FATAL_ERROR "no blocks found")
endif()
message(STATUS "${count} blocks are those of compiled programs")
