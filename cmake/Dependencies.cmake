# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

# Finds Kokkos and, where wanted, Kokkos Kernels, and refuses early what cannot work.
# Sets FusedScan_KOKKOS_KERNELS_TARGET (empty where Kokkos Kernels is not used).

if(CMAKE_CXX_STANDARD MATCHES "^(98|11|14|17)$")
  message(FATAL_ERROR
    "FusedScan needs C++20: CMAKE_CXX_STANDARD is ${CMAKE_CXX_STANDARD}, set it to 20 or more.")
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR
    "FusedScan needs GCC 12 or later: ${CMAKE_CXX_COMPILER} is ${CMAKE_CXX_COMPILER_VERSION}.")
endif()

string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
if("${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}"
   MATCHES "-ffast-math|-Ofast|-fassociative-math|-funsafe-math-optimizations")
  message(FATAL_ERROR
    "FusedScan cannot be compiled with ${CMAKE_MATCH_0}: it lets the compiler reorder sums, which "
    "deletes the compensation of a compensated sum. Take it out of CMAKE_CXX_FLAGS.")
endif()

set(kokkos_release 5.1.1)
set(kokkos_hash 8bdbee0f0ac383436743ad8a9e3e928705b34b31a25a92dc5179c52a3aa98519)
set(kokkos_kernels_hash 4415c2a6e14e2bba9aa978917d2ffbcbe32760d3aba3a33bf7a267d50e7e20c9)

macro(fused_scan_fetch name repository hash)
  include(FetchContent)
  set(release https://github.com/kokkos/${repository}/releases/download/${kokkos_release})
  FetchContent_Declare(${name} URL ${release}/${repository}-${kokkos_release}.tar.gz
                       URL_HASH SHA256=${hash})
  FetchContent_MakeAvailable(${name})
endmacro()

# The version is compared here and not by find_package, so that a message can tell an old Kokkos
# from none at all.
set(kokkos_fetched OFF)
if(NOT TARGET Kokkos::kokkos)
  find_package(Kokkos CONFIG QUIET)
  if(NOT Kokkos_FOUND AND FusedScan_FETCH_KOKKOS)
    fused_scan_fetch(Kokkos kokkos ${kokkos_hash})
    set(Kokkos_VERSION ${kokkos_release})
    set(kokkos_fetched ON)
  elseif(NOT Kokkos_FOUND)
    message(FATAL_ERROR
      "FusedScan needs Kokkos 4.5 to 5.x and found none. Name its prefix with "
      "-DKokkos_ROOT=<prefix>, or have it downloaded with -DFusedScan_FETCH_KOKKOS=ON.")
  endif()
endif()
if(Kokkos_VERSION AND (Kokkos_VERSION VERSION_LESS 4.5 OR Kokkos_VERSION VERSION_GREATER_EQUAL 6))
  message(FATAL_ERROR
    "FusedScan needs Kokkos 4.5 to 5.x and found ${Kokkos_VERSION} in ${Kokkos_DIR}. "
    "Name the prefix of another one with -DKokkos_ROOT=<prefix>.")
endif()

# Kokkos_ENABLE_<DEVICE> chooses what a Kokkos that is built along is built for; one that is installed
# has what it has.
foreach(device SERIAL OPENMP THREADS CUDA HIP SYCL)
  if(NOT "$CACHE{Kokkos_ENABLE_${device}}" OR device IN_LIST Kokkos_DEVICES)
    continue()
  elseif(Kokkos_DIR)
    message(FATAL_ERROR
      "Kokkos_ENABLE_${device} is ON, but the Kokkos found in ${Kokkos_DIR} has only "
      "${Kokkos_DEVICES}. Name the prefix of another one with -DKokkos_ROOT=<prefix>.")
  else()
    list(APPEND Kokkos_DEVICES ${device})
  endif()
endforeach()

set(FusedScan_KOKKOS_KERNELS_TARGET "")
if(FusedScan_ENABLE_KOKKOS_KERNELS)  # AUTO is true as well
  if(NOT TARGET KokkosKernels::all_libs AND NOT TARGET Kokkos::kokkoskernels)
    if(NOT kokkos_fetched)
      find_package(KokkosKernels CONFIG QUIET)
    elseif(NOT FusedScan_ENABLE_KOKKOS_KERNELS STREQUAL "AUTO")
      fused_scan_fetch(KokkosKernels kokkos-kernels ${kokkos_kernels_hash})
    endif()
  endif()
  foreach(target KokkosKernels::all_libs Kokkos::kokkoskernels)
    if(TARGET ${target})
      set(FusedScan_KOKKOS_KERNELS_TARGET ${target})
      break()
    endif()
  endforeach()
  if(NOT FusedScan_KOKKOS_KERNELS_TARGET AND NOT FusedScan_ENABLE_KOKKOS_KERNELS STREQUAL "AUTO")
    message(FATAL_ERROR
      "FusedScan_ENABLE_KOKKOS_KERNELS is ON and no Kokkos Kernels was found. Name its prefix with "
      "-DKokkosKernels_ROOT=<prefix>, or set the option to AUTO or OFF.")
  endif()
endif()

if(FusedScan_ENABLE_MPI)
  set(MPI_CXX_SKIP_MPICXX ON)  # the functions of C are used
  find_package(MPI 3.0 REQUIRED COMPONENTS CXX)
endif()

message(STATUS "FusedScan ${PROJECT_VERSION}: Kokkos ${Kokkos_VERSION} on ${Kokkos_DEVICES}, "
               "Kokkos Kernels: ${FusedScan_KOKKOS_KERNELS_TARGET}, MPI: ${MPI_CXX_VERSION}")
