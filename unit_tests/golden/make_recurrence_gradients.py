# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Makes recurrence_gradients.txt, what PyTorch's autograd says of a plain loop over complex numbers:

    scripts/in-root python python3 unit_tests/golden/make_recurrence_gradients.py

h(i) = a(i) h(i - 1) + b(i) from h(-1) = h0; L = sum over i of |h(i) - target(i)|^2. Each array is a line of
the file: its name, then real and imaginary parts by turns.
"""

import pathlib

import torch

lines, length = 3, 40
torch.manual_seed(1)


def numbers(*shape):
    return torch.randn(*shape, dtype=torch.complex128)


a = (0.7 * numbers(lines, length)).requires_grad_()
b = numbers(lines, length).requires_grad_()
h0 = numbers(lines).requires_grad_()
target = numbers(lines, length)

state, states = h0, []
for i in range(length):
    state = a[:, i] * state + b[:, i]
    states.append(state)
h = torch.stack(states, dim=1)
h.retain_grad()
(h - target).abs().square().sum().backward()

file = pathlib.Path(__file__).parent / "recurrence_gradients.txt"
with file.open("w") as out:
    print("# SPDX-FileCopyrightText: The FusedScan authors", file=out)
    print("# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception", file=out)
    for name, array in [
        ("a", a), ("b", b), ("initial", h0), ("h", h), ("grad_h", 2 * (h - target)),
        ("grad_a", a.grad), ("grad_b", b.grad), ("grad_initial", h0.grad),
    ]:
        parts = torch.view_as_real(array.detach()).flatten().tolist()
        print(name, *map(float.hex, parts), file=out)
