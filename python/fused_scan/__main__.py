# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""python -m fused_scan: the version, what was built, and what it runs on."""

from . import _core


def main():
    info = _core.info()
    print(f"fused_scan {info['version']}")
    print(f"Kokkos {info['kokkos']}, backends: {', '.join(info['backends'])}")
    print(f"arrays in the CPU's memory: {info['host']}, {info['threads']} threads")
    print(f"arrays on CUDA devices: {'yes' if info['has_cuda'] else 'no, built for the CPU only'}")


if __name__ == "__main__":
    main()
