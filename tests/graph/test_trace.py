import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from microbotnet import BadInput, Graph, create_model, net_names, trace
from microbotnet.graph.steps import fuse
from microbotnet.nets import find_net

HERE = Path(__file__).name


def line_of(text: str) -> int:
    """The line of this file that has `text` in it, its first."""
    return next(n for n, line in enumerate(Path(__file__).read_text().splitlines(), 1) if text in line)


class Branchy(nn.Module):
    """Residual, concatenation, gate and function calls, as users write them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.left = nn.Conv2d(8, 4, 1)
        self.right = nn.Conv2d(8, 4, 3, padding="same")
        self.gate = nn.Linear(8, 8)
        self.head = nn.Linear(8, 5)
        self.scale = nn.Parameter(torch.ones(8, 1, 1))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        x = F.relu(self.norm(self.stem(x)))
        both = torch.cat([self.left(x), self.right(x)], dim=1)
        x = x + both  # the shortcut
        gate = torch.sigmoid(self.gate(x.mean((2, 3))))
        x = x * gate.view(-1, 8, 1, 1) * self.scale
        x = F.dropout(F.adaptive_avg_pool2d(x, 1), 0.5, self.training)
        return self.head(torch.flatten(x, 1))


def test_a_users_module_with_branches_and_functions() -> None:
    graph = trace(Branchy(), (3, 32, 32))
    assert [node.kind for node in graph] == [
        *("input", "conv", "batch_norm", "relu", "conv", "conv", "concat", "add"),
        *("avg_pool", "linear", "sigmoid", "reshape", "mul", "mul", "avg_pool", "flatten", "linear"),
    ]
    concat = graph["concat"]
    assert concat.inputs == ("left", "right")
    assert concat.shape == (8, 16, 16)
    assert graph["left"].inputs == graph["right"].inputs == ("relu",)
    assert graph["right"].padding == (1, 1)
    assert graph["stem"].stride == (2, 2)
    assert graph["add"].source.endswith(f"{HERE}:{line_of('# the shortcut')}")
    assert graph["mul#2"].weight is not None
    assert graph["mul#2"].weight.name == "scale"
    assert graph.outputs == ("head",)
    assert graph.consumers["relu"] == ("left", "right", "add")
    assert graph.warnings == ()
    (residual,) = graph.residuals
    assert (residual.start, residual.branch) == ("relu", ("left", "right", "concat"))
    (gate,) = graph.gates
    assert (gate.mul, gate.start) == ("mul", "add")
    assert gate.branch == ("avg_pool", "gate", "sigmoid", "reshape")


def test_the_model_is_left_as_it_was() -> None:
    model = Branchy().train()
    model.left.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    calls = model.calls
    trace(model)
    assert model.training
    assert model.stem.training
    assert not model.left.training
    assert model.calls is calls
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    model(torch.zeros(2, 3, 32, 32)).sum().backward()  # parameters still learn
    assert model.stem.weight.grad is not None


@pytest.mark.parametrize("name", net_names())
def test_every_net_gives_the_shapes_of_a_real_run(name: str) -> None:
    torch.manual_seed(0)
    net = find_net(name)
    shape = (3, 32, 32) if net.input_size else net.input_shape
    model = create_model(name, num_classes=7, input_size=32 if net.input_size else None).eval()
    shapes: dict[str, tuple[int, ...]] = {}
    for path, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(lambda _m, _i, out, path=path: shapes.__setitem__(path, tuple(out.shape[1:])))
    with torch.no_grad():
        model(torch.randn(1, *shape))
    traced = {n.module: n.shape for n in trace(model, shape) if n.kind in ("conv", "depthwise_conv", "linear")}
    assert traced == shapes


def test_every_residual_and_gate_of_microbotnet_is_found() -> None:
    graph = trace(create_model("microbotnet"))
    assert [r.add for r in graph.residuals] == [f"features.{i}.add" for i in (3, 5, 7, 8, 9, 10)]
    assert [g.mul for g in graph.gates] == [f"features.{i}.conv.5.mul" for i in range(2, 11)]
    assert graph.modules["features.4"] == "Bottleneck"


def test_a_graph_survives_json() -> None:
    graph = trace(create_model("microbotnet", width=0.25))
    assert Graph.from_json(json.loads(json.dumps(graph.to_json()))) == graph


def test_reading_a_graph_needs_no_torch() -> None:
    code = "import microbotnet.graph, microbotnet.cost.profile, sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


class Signs(nn.Module):
    """A quantizer as a parametrization, with a learned scale."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, weight: Tensor) -> Tensor:
        return self.scale * weight.sign() * (weight.abs() > weight.abs().median())


def test_a_parametrized_kernel_is_one_parameter_with_its_sources() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.ReLU())
    parametrize.register_parametrization(model[0], "weight", Signs())
    graph = trace(model, (3, 8, 8))
    assert [node.kind for node in graph] == ["input", "conv", "relu"]
    weight = graph["0"].weight
    assert weight is not None
    assert weight.name == "0.weight"
    assert set(weight.sources) == {"0.parametrizations.weight.original", "0.parametrizations.weight.0.scale"}
    assert weight.ternary
    assert weight.nonzero == int(torch.count_nonzero(model[0].weight)) == 108
    assert graph["0"].module_type == "Conv2d"
    assert graph.parameter_count == 8 * 27 + 1


def test_a_full_precision_kernel_is_not_ternary() -> None:
    weight = trace(nn.Conv2d(3, 8, 3), (3, 8, 8)).nodes[1].weight
    assert weight is not None
    assert not weight.ternary
    assert weight.density == 1.0


class InPlaceThroughAView(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        flat = x.view(1, -1)
        flat.relu_()
        return x + 1  # reads what relu_ wrote


def test_a_write_through_a_view_is_seen() -> None:
    graph = trace(InPlaceThroughAView())
    assert graph["add"].inputs == ("relu",)


class ByValue(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if x.mean() > 0:  # who knows?
            x = x * 2
        return x


def test_what_depends_on_values_is_named_with_its_line() -> None:
    with pytest.raises(BadInput, match=rf"{HERE}:{line_of('# who knows?')}: .*values of the picture"):
        trace(nn.Sequential(ByValue()))


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.undefined_method()  # no such thing


def test_an_error_in_the_users_code_is_named_with_its_line() -> None:
    with pytest.raises(BadInput, match=rf"{HERE}:{line_of('# no such thing')}: layer 0 \(Broken\).*undefined_method"):
        trace(nn.Sequential(Broken()))


def test_a_model_without_values_traces_too() -> None:
    with torch.device("meta"):
        model = create_model("microbotnet", width=0.32)
    graph, real = trace(model), trace(create_model("microbotnet", width=0.32))
    assert [(n.name, n.kind, n.shape) for n in graph] == [(n.name, n.kind, n.shape) for n in real]
    assert graph.parameter_count == 236_658


def test_a_single_layer_is_a_network_too() -> None:
    graph = trace(nn.Conv2d(3, 5, 3))
    assert [node.name for node in graph] == ["input", "conv"]
    assert graph["conv"].shape == (5, 30, 30)


def test_a_failed_trace_restores_the_model() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), Broken()).train()
    with pytest.raises(BadInput):
        trace(model)
    assert model[0].training


def test_a_layer_left_without_pixels_is_named() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 4, 5))
    with pytest.raises(BadInput, match=r"layer 2 \(Conv2d\).*3×8×8"):
        trace(model, (3, 8, 8))
    with pytest.raises(BadInput, match=r"layer 1 \(MaxPool2d\).*3×3×3|layer 1 \(max_pool\)"):
        trace(model, (3, 3, 3))
    with pytest.raises(BadInput, match="no pixels"):
        trace(model, (3, 0, 8))


class Unusual(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cumsum(x, 1)  # unusual


def test_an_unknown_operator_is_flagged() -> None:
    graph = trace(Unusual())
    node = graph["cumsum"]
    assert not node.known
    (warning,) = graph.warnings
    assert "cumsum" in warning
    assert f"{HERE}:{line_of('# unusual')}" in warning


@pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")
def test_scripted_modules_trace_too() -> None:
    graph = trace(torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())))
    assert [node.kind for node in graph] == ["input", "conv", "relu"]


@pytest.mark.parametrize("warn_only", [False, True])
def test_deterministic_algorithms_change_no_graph(warn_only: bool) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=2, mode="bilinear"))
    before = trace(model, (3, 8, 8))
    torch.use_deterministic_algorithms(True, warn_only=warn_only)
    try:
        assert trace(model, (3, 8, 8)) == before
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled() == warn_only
    finally:
        torch.use_deterministic_algorithms(False)
    assert [node.kind for node in before] == ["input", "conv", "interpolate"]


def test_composite_operators_are_taken_apart() -> None:
    class Einsum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.randn(4, 3))

        def forward(self, x: Tensor) -> Tensor:
            return torch.einsum("nchw,oc->nohw", x, self.w)

    graph = trace(Einsum(), (3, 4, 4))
    assert graph.warnings == ()
    assert any(node.kind in ("matmul", "linear") for node in graph)


def test_fused_steps_of_a_residual_block() -> None:
    graph = trace(create_model("microbotnet"))
    steps = {step.name: step for step in fuse(graph)}
    assert [node.kind for node in steps["features.3.conv.0"].nodes] == ["conv", "batch_norm", "hardswish"]
    assert steps["features.3.conv.5.mul"].inputs == ("features.3.conv.3", "features.3.conv.5.fc.2")
    assert steps["features.3.add"].inputs == ("features.2.conv.7", "features.3.conv.7")
    moves = ("input", "flatten", "reshape")
    assert sum(len(step.nodes) for step in steps.values()) == sum(node.kind not in moves for node in graph)
