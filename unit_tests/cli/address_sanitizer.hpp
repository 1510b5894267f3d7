// SPDX-FileCopyrightText: The FusedScan authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FUSED_SCAN_TEST_ADDRESS_SANITIZER_HPP
#define FUSED_SCAN_TEST_ADDRESS_SANITIZER_HPP

/// Whether the programs are built with the address sanitizer, whose shadow takes terabytes of
/// addresses: there the address space can't be limited.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool address_sanitized = true;
#elif defined(__has_feature)
inline constexpr bool address_sanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool address_sanitized = false;
#endif

/// For the environment: signals are the program's own to handle, not the sanitizer's.
inline constexpr char asan_options[] = "handle_segv=0:handle_sigbus=0:handle_sigfpe=0";

#endif  // FUSED_SCAN_TEST_ADDRESS_SANITIZER_HPP
