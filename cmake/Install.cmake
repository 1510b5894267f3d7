# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/FusedScan)
install(TARGETS fused_scan EXPORT FusedScanTargets FILE_SET HEADERS)
install(EXPORT FusedScanTargets NAMESPACE FusedScan:: DESTINATION ${config_dir})

if(FusedScan_ENABLE_MPI)
  install(TARGETS fused_scan_mpi EXPORT FusedScanMpiTargets FILE_SET HEADERS)
  install(EXPORT FusedScanMpiTargets NAMESPACE FusedScan:: DESTINATION ${config_dir})
endif()

configure_package_config_file(cmake/FusedScanConfig.cmake.in FusedScanConfig.cmake
  INSTALL_DESTINATION ${config_dir})
# Before 1.0 a minor release may change the interface: 0.2 does not stand in for 0.1.
write_basic_package_version_file(FusedScanConfigVersion.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/FusedScanConfig.cmake
              ${PROJECT_BINARY_DIR}/FusedScanConfigVersion.cmake
        DESTINATION ${config_dir})
