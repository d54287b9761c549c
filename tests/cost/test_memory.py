import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrize

from microbotnet import BadInput, Graph, create_model, profile, trace
from microbotnet.cost.macs import effective_macs, node_macs
from microbotnet.cost.memory import _replay, _Schedule, kernels_of, measure_memory, weight_bytes
from microbotnet.graph import Node
from microbotnet.graph.steps import fuse
from microbotnet.training.checkpoint import load_checkpoint


def test_weight_bytes_by_hand() -> None:
    # conv 8×3×3×3 = 216 weights; batch norm 2 × 8; linear 5×8 = 40 weights and 5 biases: 21 other values
    layers = [nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)]
    found = weight_bytes(trace(nn.Sequential(*layers)), density=0.25)
    assert found == {
        "float32": 4 * (256 + 21),
        "int8": 256 + 84,
        "ternary_2bit": 54 + 10 + 84,
        "sparse_ternary": -(-(216 + 54) // 8) - (-(40 + 10) // 8) + 84,
    }


def test_the_binary_chips_account() -> None:
    """256 kB of convolutions and 5.5 kB of linears, doi 10.1109/JSSC.2018.2869150."""
    found = measure_memory(trace(create_model("binarynet-chip"))).binary_kernel_bytes
    assert {part: size / 1024 for part, size in found.items()} == {"convolutions": 256, "linears": 5.5, "total": 261.5}


def test_float32_is_four_bytes_a_parameter() -> None:
    graph = trace(create_model("microbotnet", width=0.32))
    assert measure_memory(graph).weight_bytes["float32"] == 4 * 236_658


def test_a_batch_norm_without_learned_values_still_folds_into_two_a_channel() -> None:
    layers = [nn.Conv2d(3, 8, 1, bias=False), nn.BatchNorm2d(8, affine=False)]
    assert weight_bytes(trace(nn.Sequential(*layers)))["int8"] == 24 + 4 * 16


class Thirds(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return torch.tensor([-1.0, 0.0, 1.0]).repeat(weight.numel() // 3).view_as(weight)


def test_zeros_of_a_ternary_kernel_are_counted_and_skipped() -> None:
    conv = nn.Conv2d(3, 8, 3, bias=False)
    parametrize.register_parametrization(conv, "weight", Thirds())
    graph = trace(nn.Sequential(conv), (3, 8, 8))
    node = graph["0"]
    assert node_macs(graph, node) == 36 * 216
    assert effective_macs(graph, node) == 36 * 144
    assert weight_bytes(graph)["sparse_ternary"] == (216 + 144) // 8


@pytest.mark.parametrize("file", ["micro_one_neg_one_x0_32", "micro_large_conv_and_fc_ttq_x0_32"])
def test_the_published_ternary_networks(shared: Path, file: str) -> None:
    found = profile(trace(load_checkpoint(shared / "checkpoints" / f"{file}.pytorch_state").model))
    ternary = [kernel for kernel in kernels_of(found.graph) if kernel.ternary]
    assert (len(ternary), sum(kernel.numel for kernel in ternary)) == (31, 153_792)
    assert sum(kernel.nonzero for kernel in ternary) == 12_222 + 7_446
    assert found.effective_macs < found.macs["conv_linear"] / 2
    assert found.memory.weight_bytes["sparse_ternary"] < found.memory.weight_bytes["ternary_2bit"]


def peak(*layers: nn.Module, shape: tuple[int, ...] = (4, 8, 8), **options: int) -> int:
    return measure_memory(trace(nn.Sequential(*layers), shape), **options).peak_activation_bytes


def test_peaks_by_hand() -> None:
    conv = nn.Conv2d(4, 8, 1)
    assert peak(conv) == 256 + 512
    assert peak(conv, nn.BatchNorm2d(8), nn.ReLU()) == 256 + 512  # fused
    assert peak(nn.ReLU(), nn.Hardswish()) == 256  # in place
    assert peak(conv, nn.Flatten(), nn.Linear(512, 3)) == 256 + 512  # a reshape moves nothing
    assert peak(conv, element_bytes=4) == 4 * 768
    with pytest.raises(BadInput, match="element_bytes"):
        peak(conv, element_bytes=0)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(4, 16, 1), nn.Conv2d(16, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(self.wide(x))


def test_a_shortcut_is_kept_alive_and_added_in_place() -> None:
    # input 256 stays; wide 1024; narrow writes 256 while wide is read; the sum is written over one of the two
    assert peak(Residual()) == 256 + 1024 + 256


class Two(nn.Module):
    """Written in the worse order: both large tensors before either small one."""

    def __init__(self) -> None:
        super().__init__()
        self.a1, self.a2 = nn.Conv2d(4, 32, 1), nn.Conv2d(32, 1, 1)
        self.b1, self.b2 = nn.Conv2d(4, 32, 1), nn.Conv2d(32, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.a1(x), self.b1(x)
        return torch.cat([self.a2(a), self.b2(b)], 1)


def test_a_better_order_than_the_written_one_is_found() -> None:
    graph = trace(Two(), (4, 8, 8))
    memory = measure_memory(graph)
    assert memory.exact
    assert memory.peak_activation_bytes == 256 + 2048 + 64  # one branch to its end, then the other
    _, written = _replay(_Schedule(graph, fuse(graph), 1), list(range(5)))
    assert max(written) == 256 + 2048 + 2048
    assert memory.peak_step in ("a1", "a2", "b1", "b2")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Small random graphs of convolutions, sums and concatenations."""
    nodes = [Node("input", "input", (), (draw(st.integers(1, 9)),))]
    for number in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(["conv", "add", "concat"]))
        count = 1 if kind == "conv" else draw(st.integers(1, 3))
        inputs = tuple(draw(st.sampled_from(nodes)).name for _ in range(count))
        nodes.append(Node(f"n{number}", kind, inputs, (draw(st.integers(1, 40)),)))
    outputs = draw(st.sets(st.sampled_from([node.name for node in nodes[1:]]), min_size=1, max_size=2))
    return Graph(tuple(nodes), ("input",), tuple(sorted(outputs)))


@settings(max_examples=150)
@given(graphs())
def test_the_best_order_is_the_best_of_all_orders(graph: Graph) -> None:
    schedule = _Schedule(graph, fuse(graph), 1)

    def peaks():
        for order in itertools.permutations(range(schedule.count)):
            done = 0
            for step in order:
                if schedule.needs[step] & ~done:
                    break
                done |= 1 << step
            else:
                yield max(_replay(schedule, list(order))[1])

    memory = measure_memory(graph)
    assert memory.exact
    assert memory.peak_activation_bytes == min(peaks())
    assert sorted(memory.order) == sorted(step.name for step in fuse(graph))
