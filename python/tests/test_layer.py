# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The layer against the answers of the original, in unit_tests/golden."""

import copy
import pickle
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
h5py = pytest.importorskip("h5py")

import fused_scan  # noqa: E402
from fused_scan.torch import AdaptiveRankSemiseparableLayer  # noqa: E402

GOLDEN = sorted((Path(__file__).parents[2] / "unit_tests" / "golden").glob("*.h5"))
DEVICES = ["cpu"]
if torch.cuda.is_available() and fused_scan._core.info()["has_cuda"]:
    DEVICES.append("cuda")
    torch.backends.cudnn.allow_tf32 = False


class KnownNoise(AdaptiveRankSemiseparableLayer):
    def _gumbel_uniform(self, gates):
        return self.uniform


def tensor(dataset):
    return torch.from_numpy(dataset[...])


def layer_of(file, device="cpu"):
    parameters = {name: tensor(value) for name, value in file["parameters"].items()}
    hidden, d_model = parameters["complexity_gate.0.weight"].shape
    max_rank = parameters["U_proj.weight"].shape[0]
    given = file.attrs
    layer = KnownNoise(
        d_model,
        max_rank,
        int(given.get("min_rank", 4)),
        hidden,
        float(given.get("l1_regularization", 0.001)),
        dtype=parameters["U_proj.weight"].dtype,
    )
    layer.load_state_dict(parameters, strict=True)
    layer.set_gate_mode(given.get("gate_mode", "soft"), float(given.get("gumbel_temperature", 1.0)))
    layer.current_max_rank = int(given.get("current_max_rank", max_rank))
    layer.train(bool(given.get("training", False)))
    if given.get("checkpointing", False):
        layer.enable_checkpointing()
    if "gumbel_uniform" in file:
        layer.uniform = tensor(file["gumbel_uniform"]).to(device)
    return layer.to(device)


def assert_close(got, dataset, name):
    expected = tensor(dataset).double()
    got = torch.as_tensor(got).detach().double().cpu()
    assert got.shape == expected.shape, name
    error = (got - expected).abs().max() if got.numel() else 0
    assert error <= dataset.attrs["tol_abs"], name


def run(layer, file):
    """The answer, its diagnostics, and the gradients of what the file says."""
    device = layer.U_proj.weight.device
    x = tensor(file["x"]).to(device).requires_grad_()
    bidirectional = bool(file.attrs.get("bidirectional", False))
    y, diagnostics = (layer.forward_bidirectional if bidirectional else layer)(x)
    gradients = {}
    if "grad_y" in file:
        loss = (y * tensor(file["grad_y"]).to(device)).sum()
        loss = loss + float(file.attrs.get("l1_weight", 0)) * diagnostics["gate_l1_loss"]
        loss.backward()
        gradients = {"x": x.grad} | {name: p.grad for name, p in layer.named_parameters()}
    return y, diagnostics, gradients


def test_there_are_files():
    assert len(GOLDEN) >= 15


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_golden_files(path, checkpointing, device):
    with h5py.File(path) as file:
        layer = layer_of(file, device)
        if checkpointing:
            layer._checkpointing_enabled = layer.training = True
            if file.attrs.get("gate_mode") == "gumbel" and not file.attrs.get("training"):
                pytest.skip("evaluation has no checkpoints")
        y, diagnostics, gradients = run(layer, file)
        expected = file["expected"]
        assert_close(y, expected["y"], "y")
        for name, dataset in expected.get("diagnostics", {}).items():
            assert_close(diagnostics[name], dataset, name)
        for name, dataset in expected.get("gradients", {}).items():
            assert_close(gradients[name], dataset, name)
        assert diagnostics["used_fused_scan"] is True and diagnostics["input_was_complex"] is False


def test_plain_path_gives_the_same():
    torch.manual_seed(0)
    layer = AdaptiveRankSemiseparableLayer(24, 8, dtype=torch.double)
    x = torch.randn(2, 50, 24, dtype=torch.double)
    fused = layer.forward_bidirectional(x)
    layer.use_fused_scan = False
    plain = layer.forward_bidirectional(x)
    torch.testing.assert_close(fused[0], plain[0])
    assert plain[1]["used_fused_scan"] is False


@pytest.mark.parametrize("mode", ["soft", "ste", "gumbel"])
def test_checkpointing_gives_the_same_bits(mode):
    torch.manual_seed(0)
    layer = AdaptiveRankSemiseparableLayer(16, 8, gate_mode=mode)
    layer.update_rank_schedule(500, 1000)
    results = []
    for checkpointing in (False, True):
        layer.zero_grad()
        (layer.enable_checkpointing if checkpointing else layer.disable_checkpointing)()
        torch.manual_seed(1)
        y, _ = layer.forward_bidirectional(torch.ones(2, 30, 16))
        y.square().sum().backward()
        results.append([y.detach()] + [p.grad.clone() for p in layer.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_copies():
    torch.manual_seed(0)
    layer = AdaptiveRankSemiseparableLayer(16, 8, gate_mode="ste")
    layer.update_rank_schedule(100, 1000)
    x = torch.randn(2, 30, 16)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x)[0], layer(x)[0])
        assert other.current_max_rank == layer.current_max_rank == 4
        other.U_proj.weight.data.zero_()
        assert layer.U_proj.weight.abs().sum() > 0


def test_compile():
    torch.manual_seed(0)
    layer = AdaptiveRankSemiseparableLayer(16, 8)
    x = torch.randn(2, 30, 16)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    y, diagnostics = compiled(x)
    torch.testing.assert_close(y, layer(x)[0])
    y.sum().backward()
    assert all(p.grad is not None for p in layer.parameters())


def test_autocast():
    layer = AdaptiveRankSemiseparableLayer(16, 8)
    with torch.autocast("cpu", torch.bfloat16):
        y, diagnostics = layer(torch.ones(2, 30, 16))
    assert diagnostics["u_gated"].dtype == torch.bfloat16
    y.float().sum().backward()
    assert layer.U_proj.weight.grad.dtype == torch.float32


def test_initialisation():
    torch.manual_seed(3)
    layer = AdaptiveRankSemiseparableLayer(64, 16)
    for weight in (layer.U_proj.weight, layer.V_proj.weight, layer.output_proj.weight):
        assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=1e-5)
    assert layer.complexity_gate[0].weight.abs().max() <= (6 / (64 + 16)) ** 0.5
    assert not layer.output_proj.bias.any()
    torch.manual_seed(3)
    assert torch.equal(AdaptiveRankSemiseparableLayer(64, 16).T_conv.weight, layer.T_conv.weight)
    assert AdaptiveRankSemiseparableLayer(1, 1, 1).T_conv.weight.abs().max() <= 3**-0.5


def test_causal_convolution_sees_no_future():
    layer = AdaptiveRankSemiseparableLayer(8, 4, causal_convolution=True)
    x = torch.randn(1, 20, 8)
    y = layer(x)[0]
    x[:, 10:] = 0
    assert torch.equal(layer(x)[0][:, :10], y[:, :10])


def test_complex_input_and_stability_checks():
    layer = AdaptiveRankSemiseparableLayer(8, 4, enable_stability_checks=True)
    x = torch.randn(1, 20, 8)
    with pytest.warns(UserWarning, match="imaginary part is ignored"):
        y, diagnostics = layer(torch.complex(x, x))
    assert torch.equal(y, layer(x)[0]) and diagnostics["input_was_complex"]
    assert not diagnostics["is_singular"]
    layer.U_proj.weight.data.zero_()
    diagnostics = layer(x)[1]
    assert diagnostics["is_singular"] and diagnostics["condition_number"] == 1e10
    assert diagnostics["stability_warning"]


@pytest.mark.parametrize(
    "call,sentence",
    [
        (lambda: AdaptiveRankSemiseparableLayer(0), "d_model is 0, and must be positive"),
        (lambda: AdaptiveRankSemiseparableLayer(8, 2, 4), "max_rank is 2 and min_rank 4"),
        (lambda: AdaptiveRankSemiseparableLayer(8, gate_mode="hard"), "gate_mode is 'hard'"),
        (lambda: AdaptiveRankSemiseparableLayer(8, gumbel_temperature=0.0), "temperature is 0.0"),
        (lambda: AdaptiveRankSemiseparableLayer(8)(torch.ones(2, 3, 7)), "x has shape (2, 3, 7)"),
        (lambda: AdaptiveRankSemiseparableLayer(8).update_rank_schedule(-1), "step is -1"),
        (lambda: AdaptiveRankSemiseparableLayer(8).update_rank_schedule(1, 0), "warmup_steps is 0"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError) as caught:
        call()
    assert sentence in str(caught.value)


def test_gradients_of_the_layer():
    torch.manual_seed(0)
    layer = AdaptiveRankSemiseparableLayer(3, 4, dtype=torch.double)
    x = torch.randn(1, 5, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer.forward_bidirectional(x)[0], (x,))
