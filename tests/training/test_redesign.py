"""A design begins with the weights of another."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from microbotnet import BadInput
from microbotnet.design import Block, Design, Head, Stage, StagePrecision, Stem, design_from, to_toml
from microbotnet.nets import create_model
from microbotnet.training.checkpoint import Checkpoint, load_checkpoint
from microbotnet.training.redesign import pairs, redesigned

SMALL = Design(
    (Stage(8, stride=2), Stage(8, repeats=2), Stage(12, stride=2, squeeze_excite=True)),
    Stem(4),
    Head(average_first=True),
    resolution=16,
)


def _checkpoint(design: Design) -> Checkpoint:
    architecture = {
        "name": "it", "width": 1.0, "num_classes": 5, "input_size": design.resolution, "design": design.to_json()
    }  # fmt: skip
    torch.manual_seed(3)
    model = create_model(**architecture)
    for module in model.modules():  # as after a training: nothing is 0 or 1
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                assert values is not None
                nn.init.uniform_(values, 0.5, 1.5)
    return Checkpoint(model.eval(), {"architecture": architecture, "data": {"classes": list("abcde")}})


def _file(folder: Path, design: Design) -> str:
    (folder / "mine.toml").write_text(to_toml(design), "utf-8")
    return str(folder / "mine.toml")


@st.composite
def _grown(draw: st.DrawFn, changed: bool) -> Design:
    """`SMALL` with blocks that have a shortcut more, and more inner channels; `changed` also kernels and gates."""
    stages: list[Stage] = []
    for stage in SMALL.stages:
        gated = stage.squeeze_excite or (changed and draw(st.booleans()))
        kernel = draw(st.sampled_from([3, 5])) if changed else 3
        wider = draw(st.sampled_from([1.0, 1.25, 2.0]))
        stages.append(replace(stage, expansion=stage.expansion * wider, squeeze_excite=gated, kernel=kernel))
        if draw(st.booleans()):
            stages.append(
                Stage(
                    stage.width,
                    expansion=draw(st.sampled_from([1.0, 1.5, 4.0])),
                    repeats=draw(st.integers(1, 2)),
                    squeeze_excite=draw(st.booleans()),
                    kernel=7,  # so that none takes the place of another when they go again
                )
            )
    return replace(SMALL, stages=tuple(stages))


@given(design=_grown(changed=True))
def test_a_grown_network_answers_as_before(design: Design, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = _checkpoint(SMALL)
    after = redesigned(before, _file(tmp_path_factory.mktemp("grown"), design), "it")
    pictures = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(after.model(pictures), before.model(pictures), rtol=1e-5, atol=1e-5)
    assert design_from(after.card["architecture"]["design"]) == design, "the card says so"


@given(design=_grown(changed=False))
def test_a_grown_network_shrunk_again_is_the_same(design: Design, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("grown")
    before = _checkpoint(SMALL)
    again = redesigned(redesigned(before, _file(folder, design), "it"), _file(folder, SMALL), "mine.toml")
    old, new = before.model.state_dict(), again.model.state_dict()
    assert [key for key in old if not torch.equal(old[key], new[key])] == [], "channels that nobody hears go first"


def test_a_new_gate_can_learn(tmp_path: Path) -> None:
    gated = replace(SMALL, stages=(*SMALL.stages[:1], replace(SMALL.stages[1], squeeze_excite=True), *SMALL.stages[2:]))
    model = redesigned(_checkpoint(SMALL), _file(tmp_path, gated), "it").model.train()
    model(torch.randn(4, 3, 16, 16)).square().sum().backward()
    assert model.features[2].conv[5].fc[2].weight.grad.abs().sum() > 0  # type: ignore[union-attr,index]


def test_shipped_weights_begin_a_design_with_a_block_more(tmp_path: Path) -> None:
    design = """
        resolution = 32
        [stem]
        [[stages]]
        width = 16
        stride = 2
        [[stages]]
        width = 16
        repeats = 3
        [[stages]]
        width = 32
        expansion = 6
        stride = 2
        squeeze_excite = true
        [[stages]]
        width = 32
        expansion = 3.75
        repeats = 4
        squeeze_excite = true
    """
    (tmp_path / "more.toml").write_text(design, "utf-8")
    before = load_checkpoint("grain-m")
    after = redesigned(before, str(tmp_path / "more.toml"), "grain-m")
    pictures = torch.randn(4, 3, 32, 32)
    assert sum(p.numel() for p in after.model.parameters()) > sum(p.numel() for p in before.model.parameters())
    torch.testing.assert_close(after.model(pictures), before.model(pictures), rtol=1e-4, atol=1e-4)


def test_quantized_weights_leave_their_ranges_behind(tmp_path: Path) -> None:
    before = load_checkpoint("grain-s-int8")
    after = redesigned(before, "grain-s", "grain-s-int8")
    old, new = before.model.state_dict(), after.model.state_dict()
    assert all(torch.equal(old[key], value) for key, value in new.items())
    assert not any("activation_quantizers" in key for key in new)


def test_the_most_alike_blocks_are_kept() -> None:
    def block(expanded: int, **other: Any) -> Block:
        return Block(8, expanded, 8, 3, 1, False, "relu", StagePrecision(), **other)

    theirs = [block(16), block(24), block(32)]
    assert pairs(theirs, [block(24), block(32)]) == {0: 1, 1: 2}
    assert pairs(theirs, [block(16), block(30)]) == {0: 0, 1: 2}
    assert pairs([block(24)], [block(48), block(24), block(24)]) in ({1: 0}, {2: 0})
    assert pairs([block(16, groups=2)], [block(24, groups=2)]) == {}, "channels of groups do not move"
    assert pairs([replace(block(16), stride=2)], [block(16)]) is None
    assert pairs([block(16)], [replace(block(16), kernel=5), block(16)]) == {1: 0}
    assert pairs([replace(block(16), kernel=5)], [block(16)]) == {}, "a kernel does not shrink"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stem": Stem(6)}, "stem of width 6, kernel 3, stride 2, hardswish, it of width 4"),
        ({"head": Head(hidden=8)}, "head of width 0, hidden 8"),
        (
            {"stages": (*SMALL.stages, Stage(16))},
            "it has 4→12→8 (3×3), 8→24→12 (3×3, gate), 12→36→16 (3×3), it 4→12→8 (3×3), 8→24→12 (3×3, gate)",
        ),
        ({"stages": (*SMALL.stages[:2], Stage(12, stride=2))}, "12 (3×3), it 4→12→8 (3×3), 8→24→12 (3×3, gate)"),
        ({"stages": SMALL.stages[1:]}, "cannot begin as the identity"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"mine\.toml") as error:
        redesigned(_checkpoint(SMALL), _file(tmp_path, replace(SMALL, **change)), "it")
    assert said in str(error.value)


@pytest.mark.parametrize(("begin", "net"), [("microbotnet-0.32", "grain-m"), ("grain-m", "resnet8")])
def test_only_designs_take_each_others_weights(begin: str, net: str) -> None:
    wrong = begin if net == "grain-m" else net
    with pytest.raises(BadInput, match=f"^{wrong}: no design; "):
        redesigned(load_checkpoint(begin), net, begin)
