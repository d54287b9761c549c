"""What a design costs without being built, against what it costs when it is."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from microbotnet import Failed, quantize, trace
from microbotnet.backends.c import emit, weigh
from microbotnet.design import Design, Head, Stage, StagePrecision, Stem, load_design
from microbotnet.design.graph import design_graph
from microbotnet.design.policy import policy_toml
from microbotnet.integer.checkpoint import lower_checkpoint
from microbotnet.integer.program import Program
from microbotnet.nets import architecture
from microbotnet.nets.designed import Designed
from microbotnet.quant.parametrize import make_quantizer
from microbotnet.quant.policy import load_policy
from microbotnet.search import firmware_model
from microbotnet.search.costs import Costs
from microbotnet.search.firmware_model import firmware_cost
from microbotnet.search.untrained import untrained_program
from microbotnet.training.checkpoint import Checkpoint

TERNARY = StagePrecision("ternary", "int8", "ternary", "ternary")
SMALL = Design(
    stages=(
        Stage(12, 3, 3.0, 2, 2, precision=TERNARY),
        Stage(16, 5, 4.0, 2, 2, squeeze_excite=True, activation="relu", precision=TERNARY),
    ),
    stem=Stem(8, precision="int8"),
    head=Head(40),
    resolution=24,
)
EIGHT = Design(
    stages=(Stage(8, 3, 2.0, 2, 2, squeeze_excite=True), Stage(24, 3, 6.0, 1, 4)),
    head=Head(average_first=True),
    resolution=32,
)
SHIFTED = Design(stages=(Stage(16, 3, 3.0, 2, 2, shift_max=True), Stage(32, 3, 3.0, 2, 2, shift_max=True)))
GROUPS = Design(stages=(Stage(16, 3, 3.0, 2, 2, groups=4), Stage(32, 3, 3.0, 2, 2, groups=8)), resolution=32)


def lowered(design: Design, tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, float]:
    """The design's network with drawn weights as an integer program, and its share of ternary weights not zero."""
    torch.manual_seed(0)
    model = Designed(design).eval()
    with torch.no_grad():  # as trained ones are: channels differ, gates open and close
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.5)
            elif isinstance(module, nn.Linear):
                module.weight.normal_(0, 2 * module.in_features**-0.5)
    if any(kind == "ternary" for _, kind in design.precisions()):
        policy = tmp_path_factory.mktemp("policy") / "policy.toml"
        policy.write_text(policy_toml(design, "it"))
        half = make_quantizer("one-negative-one", threshold=0.2)  # leaves about half of the weights, as training does
        quantize(model, load_policy(str(policy)), half, (3, design.resolution, design.resolution))
    graph = trace(model, (3, design.resolution, design.resolution))
    kernels = [p for node in graph for p in node.parameters if p.ternary]
    density = sum(p.nonzero for p in kernels) / max(sum(p.numel for p in kernels), 1)
    made = architecture("first-try", 10, input_size=design.resolution)
    data = {"classes": [str(i) for i in range(10)], "mean": [0.5] * 3, "std": [0.25] * 3}
    pictures = np.random.default_rng(0).integers(0, 256, (40, 3, *[design.resolution] * 2), dtype=np.uint8)
    return lower_checkpoint(Checkpoint(model, {"architecture": made, "data": data}), pictures), density


@pytest.mark.parametrize(
    "design", [SMALL, EIGHT, GROUPS, SHIFTED], ids=["ternary", "eight bits", "groups", "shift-max"]
)
def test_firmware_as_estimated(design: Design, tmp_path_factory: pytest.TempPathFactory) -> None:
    """RAM but for the scratch of another encoding, flash within 1.7 kB, instructions within a quarter."""
    for module in ("unicorn", "elftools", "ziglang"):
        pytest.importorskip(module, reason=f"{module} of the extra mcu is not installed")
    from microbotnet.mcu.board import load_board
    from microbotnet.mcu.firmware import make_firmware

    program, density = lowered(design, tmp_path_factory)
    guess = firmware_cost(design_graph(design, density=density), prefer="size")
    made = make_firmware(program, load_board("microbit"), prefer="size")
    ran = made.run(np.random.default_rng(1).integers(0, 256, (1, 3, *[design.resolution] * 2), dtype=np.uint8))
    assert guess.ram_bytes == pytest.approx(made.image.ram_bytes + firmware_model.STACK_BYTES, abs=512)
    assert guess.flash_bytes == pytest.approx(len(made.image.raw), abs=1700)
    assert guess.instructions == pytest.approx(ran.instructions[0], rel=0.25)


@pytest.mark.parametrize("design", [SMALL, EIGHT], ids=["ternary", "eight bits"])
def test_the_untrained_program_is_the_lowered_one_but_for_its_weights(
    design: Design, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program, density = lowered(design, tmp_path_factory)
    made = untrained_program(design_graph(design, density=density)).program
    assert [type(operator) for operator in made.operators] == [type(operator) for operator in program.operators]
    shapes = [[p.of(operator)[1].shape for operator in p.operators] for p in (made, program)]
    assert shapes[0] == shapes[1]
    constants = [weigh(emit(p))[0] for p in (made, program)]
    assert constants[0] == pytest.approx(constants[1], rel=0.12)  # tables reach as far as sums do


def test_weight_bytes_by_hand() -> None:
    design = Design(stages=(Stage(8, 3, 2.0, precision=StagePrecision("ternary", "int8", "float", "float")),))
    stem, expand, depthwise, project = 4 * 216, 128 * 2 // 8, 16 * 9, 4 * 128
    norms, classifier = 4 * 2 * (8 + 16 + 16 + 8), 4 * (80 + 10)
    assert Costs(design).weight_bytes == stem + expand + depthwise + project + norms + classifier


def test_the_first_try_is_costed_without_torch() -> None:
    found = Costs(load_design("first-try")).to_json()
    assert found["macs"] == 1_034_048
    assert found["parameters"] == 70_730
    assert found["peak_activation_bytes"] == 8192
    code = "import sys; from microbotnet.search.costs import Costs; from microbotnet.design import load_design\n"
    code += "Costs(load_design('first-try')).to_json(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"


def test_more_ternary_and_more_zeros_cost_less() -> None:
    eight, ternary = (Costs(load_design(name)) for name in ("grain-l", "grain-l-ternary"))
    sparse = Costs(load_design("grain-l-ternary"), density=0.2)
    for cost in (lambda c: c.energy_pj, lambda c: c.firmware.flash_bytes, lambda c: c.firmware.instructions):
        assert cost(sparse) < cost(ternary) < cost(eight)


def test_a_kernel_that_was_not_fitted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    known = firmware_model.coefficients()["size"]
    without = {part: {k: v for k, v in known[part].items() if k != "dense"} for part in known}
    monkeypatch.setattr(firmware_model, "coefficients", lambda: {"size": without})
    with pytest.raises(Failed, match="the kernel dense is not in firmware_model"):
        firmware_cost(design_graph(EIGHT), prefer="size")
