# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Segments: each as if it were scanned alone."""

import itertools

import numpy as np
import pytest

import fused_scan

X = np.random.default_rng(0).standard_normal((3, 200, 4)).astype(np.float32)
OFFSETS = [0, 0, 1, 50, 50, 167, 200, 200]


@pytest.mark.parametrize("exclusive,reverse", list(itertools.product((False, True), (False, True))))
@pytest.mark.parametrize("compensated", [False, True])
def test_bits_are_those_of_each_segment_alone(exclusive, reverse, compensated):
    options = {"exclusive": exclusive, "reverse": reverse, "compensated": compensated}
    for array in (X, np.asfortranarray(X), X[:, ::-1]):
        expected = np.concatenate(
            [fused_scan.cumsum(part, 1, **options) for part in np.split(array, OFFSETS[1:-1], 1)], 1
        )
        for offsets in (OFFSETS, np.array(OFFSETS, np.uint8), np.repeat(OFFSETS, 2)[::2]):
            y = fused_scan.segmented_cumsum(array, offsets, 1, **options)
            assert y.tobytes() == expected.tobytes()
        out = np.zeros_like(array)[:, ::-1]
        assert fused_scan.segmented_cumsum(array, OFFSETS, 1, out=out, **options) is out
        assert out.tobytes() == expected.tobytes()
    assert fused_scan.segmented_cumsum(np.ones((2, 0)), [0, 0]).shape == (2, 0)
    assert fused_scan.segmented_cumsum(np.array([True, True, True]), [0, 1, 3]).tolist() == [
        1,
        1,
        2,
    ]


@pytest.mark.parametrize(
    "offsets,sentence",
    [
        ([0, 3, 2, 200], r"offsets\[2\] is 2 after 3"),
        ([1, 200], "'offsets' must begin with 0 and end with 200, the length of the axis"),
        ([0, 201], "must begin with 0 and end with 200"),
        (np.zeros(0, int), "must begin with 0 and end with 200"),
        ([0.0, 200.0], "'offsets' must be integers"),
        ([[0, 200]], "'offsets' has 2 dimensions instead of 1"),
    ],
)
def test_bad_offsets_are_refused(offsets, sentence):
    out = np.zeros_like(X)
    with pytest.raises(ValueError, match="fused_scan.segmented_cumsum: .*" + sentence):
        fused_scan.segmented_cumsum(X, offsets, 1, out=out)
    assert not out.any()


def test_segments_that_would_overlap_are_refused():
    base = np.zeros(9)
    with pytest.raises(ValueError, match="overlap in memory without being the same array"):
        fused_scan.segmented_cumsum(base[:8], [0, 1, 2, 3, 4, 5, 6, 7, 8], out=base[1:])


def test_gradients_vmap_and_compile():
    torch = pytest.importorskip("torch")
    offsets = torch.tensor([0, 2, 2, 5])
    x = torch.randn(3, 5, 2, dtype=torch.double, requires_grad=True)
    for exclusive, reverse in itertools.product((False, True), (False, True)):

        def scan(x, exclusive=exclusive, reverse=reverse):
            return fused_scan.segmented_cumsum(x, offsets, 1, exclusive=exclusive, reverse=reverse)

        assert torch.autograd.gradcheck(scan, (x,)) and torch.autograd.gradgradcheck(scan, (x,))
        assert torch.equal(torch.compile(scan, fullgraph=True, backend="aot_eager")(x), scan(x))
    got = torch.vmap(lambda x: fused_scan.segmented_cumsum(x, offsets, 0), 2, 2)(x.transpose(0, 1))
    assert torch.equal(got, fused_scan.segmented_cumsum(x, offsets, 1).transpose(0, 1))
    torch.library.opcheck(
        torch.ops.fused_scan.segmented,
        (x, offsets, "compensated_sum", -2, False, False, torch.double),
    )
