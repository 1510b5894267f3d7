# SPDX-FileCopyrightText: The FusedScan authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The adaptive-rank semiseparable layer (AR-SSM) as a module."""

import warnings

import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from . import _layer_operators
from ._initialization import initialize

_GATE_MODES = ("soft", "ste", "gumbel")
_TINY = 1e-8


def _is_plain(module, kind, has_bias):
    """Whether a module does what torch's own of its kind does, and nothing else."""
    return (
        type(module) is kind
        and (module.bias is not None) == has_bias
        and not (module._forward_hooks or module._forward_pre_hooks)
        and not (module._backward_hooks or module._backward_pre_hooks)
    )


def _as_autocast_has_it(x):
    """x in the type that autocast's products take: once, and not for each of them."""
    device = x.device.type
    if x.dtype == torch.float64 or not torch.is_autocast_enabled(device):
        return x
    return x.to(torch.get_autocast_dtype(device))


def _require(condition, message):
    if not condition:
        raise ValueError("fused_scan.torch.AdaptiveRankSemiseparableLayer: " + message)


class AdaptiveRankSemiseparableLayer(nn.Module):
    """``y = T x + U V^T x``: a convolution of three taps, and a low rank that adapts to the input.

    Arguments, attributes and ``state_dict`` are those of the original PyTorch layer.

    Parameters
    ----------
    d_model : int
        Features of a position.
    max_rank, min_rank : int
        The rank grows from one to the other over the warm-up of ``update_rank_schedule``.
    gate_hidden_dim : int
        Of the gates' network; max(d_model // 4, min_rank) by default.
    l1_regularization : float
        The weight of ``diagnostics["gate_l1_loss"]``, which the layer adds to no loss by itself.
    use_fused_scan : bool
        False takes torch.cumsum.
    base_semisep : object
        Kept as an attribute, for programs of the original; the layer doesn't use it.
    enable_stability_checks : bool
        Adds condition_number, is_singular and stability_warning to the diagnostics.
    gate_mode : "soft", "ste" or "gumbel"
    gumbel_temperature : float
    causal_convolution : bool
        Shift the taps to the past, for autoregressive use. By default y[l] sees x[l + 1].

    Examples
    --------
    >>> import torch
    >>> from fused_scan.torch import AdaptiveRankSemiseparableLayer
    >>> layer = AdaptiveRankSemiseparableLayer(d_model=64, max_rank=16)
    >>> y, diagnostics = layer(torch.randn(2, 128, 64))
    >>> y.shape, diagnostics["k_cumsum"].shape
    (torch.Size([2, 128, 64]), torch.Size([2, 128, 16]))
    """

    def __init__(
        self,
        d_model,
        max_rank=32,
        min_rank=4,
        gate_hidden_dim=None,
        l1_regularization=0.001,
        use_fused_scan=True,
        base_semisep=None,
        stability_monitor=None,
        enable_stability_checks=False,
        device=None,
        dtype=torch.float32,
        *,
        gate_mode="soft",
        gumbel_temperature=1.0,
        causal_convolution=False,
    ):
        super().__init__()
        _require(d_model > 0, f"d_model is {d_model}, and must be positive")
        _require(
            max_rank >= min_rank > 0,
            f"max_rank is {max_rank} and min_rank {min_rank}; needed is max_rank >= min_rank > 0",
        )
        _require(stability_monitor is None, "stability_monitor: there is no support for monitors")
        if gate_hidden_dim is None:
            gate_hidden_dim = max(d_model // 4, min_rank)
        self.d_model = d_model
        self.max_rank = max_rank
        self.min_rank = min_rank
        self.gate_hidden_dim = gate_hidden_dim
        self.l1_regularization = l1_regularization
        self.use_fused_scan = use_fused_scan
        self.base_semisep = base_semisep
        self.enable_stability_checks = enable_stability_checks
        self.causal_convolution = causal_convolution
        self.device = device
        self.dtype = dtype
        self.set_gate_mode(gate_mode, gumbel_temperature)

        made = {"device": device, "dtype": dtype}
        self.complexity_gate = nn.Sequential(
            nn.Linear(d_model, gate_hidden_dim, **made),
            nn.ReLU(),
            nn.Linear(gate_hidden_dim, max_rank, **made),
            nn.Sigmoid(),
        )
        self.U_proj = nn.Linear(d_model, max_rank, bias=False, **made)
        self.V_proj = nn.Linear(d_model, max_rank, bias=False, **made)
        self.T_conv = nn.Conv1d(d_model, d_model, 3, padding=1, groups=d_model, bias=False, **made)
        self.output_proj = nn.Linear(max_rank, d_model, **made)
        self.current_max_rank = max_rank
        self.rank_schedule_step = 0
        self._checkpointing_enabled = False
        self._warned_of_complex = False
        initialize(self)

    # --- settings

    def set_gate_mode(self, mode, temperature=None):
        """Gates as they are ("soft"), 0 or 1 with the gradient of those ("ste"), or "gumbel"."""
        _require(mode in _GATE_MODES, f"gate_mode is {mode!r}, and must be one of {_GATE_MODES}")
        if temperature is not None:
            _require(temperature > 0, f"temperature is {temperature}, and must be positive")
            self.gumbel_temperature = temperature
        self.gate_mode = mode

    def update_rank_schedule(self, step, warmup_steps=1000):
        """Lets current_max_rank grow from min_rank to max_rank over the warm-up."""
        _require(step >= 0, f"step is {step}, and must not be negative")
        _require(warmup_steps > 0, f"warmup_steps is {warmup_steps}, and must be positive")
        progress = min(1.0, step / warmup_steps)
        self.rank_schedule_step = step
        self.current_max_rank = int(self.min_rank + progress * (self.max_rank - self.min_rank))

    def enable_checkpointing(self):
        """Activations are computed again in the backward pass, and not kept, in training."""
        self._checkpointing_enabled = True

    def disable_checkpointing(self):
        self._checkpointing_enabled = False

    def extra_repr(self):
        return f"d_model={self.d_model}, max_rank={self.max_rank}, gate_mode={self.gate_mode!r}"

    # --- parts

    def estimate_rank_gate(self, x):
        """The gates (B, L, max_rank), after gate mode and rank mask."""
        return self._after_mode(self.complexity_gate(x))

    def _after_mode(self, gates):
        if self.gate_mode == "ste":
            hard = (gates >= 0.5).to(gates.dtype)
            gates = hard.detach() + (gates - gates.detach())
        elif self.gate_mode == "gumbel":
            logits = torch.log(gates + _TINY) - torch.log(1 - gates + _TINY)
            if self.training:
                uniform = self._gumbel_uniform(gates)
                logits = logits - torch.log(-torch.log(uniform + _TINY) + _TINY)
            gates = torch.sigmoid(logits / self.gumbel_temperature)
        if self.current_max_rank < self.max_rank:
            kept = torch.arange(self.max_rank, device=gates.device) < self.current_max_rank
            gates = torch.where(kept, gates, 0)
        return gates

    def _gumbel_uniform(self, gates):
        return torch.rand_like(gates)

    def get_effective_rank(self, gates):
        """The mean over batch and positions of the sum of the gates."""
        return gates.sum(-1).mean()

    def get_gate_l1_loss(self, gates):
        """l1_regularization times the mean of the gates' magnitudes."""
        return self.l1_regularization * gates.abs().mean()

    def _gate_statistics(self, gates):
        if not self.use_fused_scan or self.gate_mode == "ste":
            return self.get_effective_rank(gates), self.get_gate_l1_loss(gates)
        # One mean does for both. A gate that is 0, whose magnitude has no slope, is shut for good.
        mean = gates.mean(dtype=torch.promote_types(gates.dtype, torch.float32))
        return self.max_rank * mean, self.l1_regularization * mean

    def _projections(self, x):
        """Gates, x U^T and x V^T: by one product with stacked weights, where nobody has put
        something of his own in the place of a part."""
        first, *others = self.complexity_gate
        parts = (first, self.U_proj, self.V_proj)
        cls = AdaptiveRankSemiseparableLayer
        if not (
            self.use_fused_scan
            and type(self).estimate_rank_gate is cls.estimate_rank_gate
            and all(_is_plain(part, nn.Linear, part is first) for part in parts)
        ):
            return self.estimate_rank_gate(x), self.U_proj(x), self.V_proj(x)
        products = functional.linear(x, torch.cat([part.weight for part in parts]))
        hidden, xu, xv = products.split([part.out_features for part in parts], -1)
        hidden = hidden + first.bias.to(hidden.dtype)
        for module in others:
            hidden = module(hidden)
        return self._after_mode(hidden), xu, xv

    def _convolution(self, x):
        if self.use_fused_scan and _is_plain(self.T_conv, nn.Conv1d, False):
            weight = self.T_conv.weight.squeeze(1)
            weight = weight.to(torch.promote_types(weight.dtype, torch.float32))
            return _layer_operators.convolution(x, weight, 2 if self.causal_convolution else 1)
        columns = x.transpose(1, 2)
        if self.causal_convolution:
            columns = functional.conv1d(
                functional.pad(columns, (2, 0)), self.T_conv.weight, groups=self.d_model
            )
        else:
            columns = self.T_conv(columns)
        return columns.transpose(1, 2)

    def _gated_scan(self, xu, xv, gates, reverse):
        """u, v, the sums k of u, and k v."""
        if self.use_fused_scan:
            return _layer_operators.gated_scan(xu, xv, gates, reverse)
        u, v = xu * gates, xv * gates
        k = u.flip(1).cumsum(1).flip(1) if reverse else u.cumsum(1)
        return u, v, k, k * v

    # --- passes

    def forward(self, x):
        """(y, diagnostics) of x of shape (B, L, d_model)."""
        return self._run(x, False)

    def forward_bidirectional(self, x):
        """The mean of both directions: (y, diagnostics)."""
        return self._run(x, True)

    def forward_with_checkpointing(self, x):
        """forward(), whose activations are computed again in the backward pass."""
        return self._run(x, False, checkpointing=True)

    def _run(self, x, bidirectional, checkpointing=None):
        _require(
            x.dim() == 3 and x.shape[2] == self.d_model,
            f"x has shape {tuple(x.shape)} instead of (batch, length, {self.d_model})",
        )
        was_complex = x.is_complex()
        if was_complex:
            if not self._warned_of_complex:
                warnings.warn("x is complex, its imaginary part is ignored", stacklevel=3)
                self._warned_of_complex = True
            x = x.real
        if checkpointing is None:
            checkpointing = self._checkpointing_enabled and self.training
        if checkpointing:
            y, diagnostics = checkpoint(self._pass, x, bidirectional, use_reentrant=False)
        else:
            y, diagnostics = self._pass(x, bidirectional)
        return y, {"input_was_complex": was_complex, **diagnostics}

    def _pass(self, x, bidirectional):
        if self.use_fused_scan:
            x = _as_autocast_has_it(x)
        t = self._convolution(x)
        gates, xu, xv = self._projections(x)
        u, v, k, kv = self._gated_scan(xu, xv, gates, False)
        uv = self.output_proj(kv)
        y = t + uv
        effective_rank, l1_loss = self._gate_statistics(gates)
        diagnostics = {
            "t_component": t,
            "gates": gates,
            "effective_rank": effective_rank,
            "u_gated": u,
            "v_gated": v,
            "used_fused_scan": self.use_fused_scan,
            "k_cumsum": k,
            "uv_component": uv,
            "gate_l1_loss": l1_loss,
        }
        if bidirectional:
            *_, k_reverse, kv_reverse = self._gated_scan(xu, xv, gates, True)
            uv_reverse = self.output_proj(kv_reverse)
            y = (y + uv_reverse) / 2
            diagnostics |= {
                "k_cumsum_reverse": k_reverse,
                "uv_component_reverse": uv_reverse,
                "bidirectional": True,
            }
        if self.enable_stability_checks:
            diagnostics |= self._stability(u.detach(), v.detach())
        return y, diagnostics

    def _stability(self, u, v):
        norms = [w.norm(dim=-1) for w in (u, v)]
        smallest = [norm.min() for norm in norms]
        largest = norms[0].max() * norms[1].max()
        condition = largest / (smallest[0] * smallest[1] + 1e-10)
        condition = torch.where(torch.stack(smallest).min() < 1e-10, 1e10, condition)
        columns = [w[..., : self.current_max_rank].norm(dim=(0, 1)) for w in (u, v)]
        singular = (torch.cat(columns) < 1e-8).any()
        return {
            "condition_number": condition,
            "is_singular": singular,
            "stability_warning": singular | (condition > 1e6),
        }

    def get_memory_usage(self, batch_size, seq_len):
        """MiB of what a training step keeps, of the parameters, and of one attention matrix."""
        size = torch.finfo(self.dtype).bits // 8
        mib = 1 << 20
        features = 3 * self.d_model + self.gate_hidden_dim  # x, t, uv; the hidden layer
        ranks = 7 * self.max_rank  # gates, both projections, u, v, k, k * v
        activations = batch_size * seq_len * (features + ranks) * size / mib
        parameters = sum(p.numel() for p in self.parameters()) * size / mib
        attention = batch_size * seq_len * seq_len * size / mib
        return {
            "activation_memory_mb": activations,
            "parameter_memory_mb": parameters,
            "total_memory_mb": activations + parameters,
            "attention_memory_mb": attention,
            "memory_reduction_vs_attention": 1 - activations / attention,
        }
