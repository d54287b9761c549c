"""A design's precision, put on its network from outside."""

from pathlib import Path

import pytest
import torch
from torch.nn.utils.parametrize import is_parametrized

from microbotnet import BadInput, create_model, quantize
from microbotnet.design import Design, Stage, StagePrecision, load_design, to_toml
from microbotnet.design.policy import policy_toml
from microbotnet.quant.policy import choose, load_policy


def test_every_kernel_gets_its_precision(tmp_path: Path) -> None:
    design = Design(
        stages=(
            Stage(8, squeeze_excite=True, precision=StagePrecision("ternary", "int8", "float", "ternary")),
            Stage(8, expansion=1, precision=StagePrecision("float", "ternary", "float", "int8")),
        )
    )
    (tmp_path / "mine.toml").write_text(to_toml(design))
    (tmp_path / "policy.toml").write_text(policy_toml(design, "mine"))
    torch.manual_seed(0)
    model = create_model(str(tmp_path / "mine.toml"))
    quantize(model, load_policy(str(tmp_path / "policy.toml")), "one-negative-one")
    found = {}
    for layer, _ in design.precisions():
        module = model.get_submodule(layer)
        kind = type(module.parametrizations.weight[0]).__name__ if is_parametrized(module, "weight") else "float"
        found[layer] = {"OneNegativeOne": "ternary", "Uniform": "int8"}.get(kind, kind)
    assert found == dict(design.precisions())


def test_a_design_without_ternary_kernels_has_no_policy() -> None:
    with pytest.raises(BadInput, match="first-try: no kernel is ternary"):
        policy_toml(load_design("first-try"), "first-try")


def test_the_ternary_designs_are_what_a_shipped_policy_chooses(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(policy_toml(load_design("grain-l-ternary"), "grain-l-ternary"))
    model = create_model("grain-l")
    own = choose(model, load_policy(str(tmp_path / "own.toml")))
    shipped = choose(model, load_policy("pointwise-but-last"))
    assert [k.name for k in own.chosen] == [k.name for k in shipped.chosen]
    assert [k.name for k in own.rounded] == [k.name for k in shipped.rounded]
