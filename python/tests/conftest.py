# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests are small: threads of PyTorch would only wait for each other."""

try:
    import torch
except ImportError:
    pass
else:
    torch.set_num_threads(1)
