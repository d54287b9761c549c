import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from microbotnet import BadInput, create_model, estimate_energy, measure_memory, trace
from microbotnet.cost.energy import changes
from microbotnet.cost.preset import gate_energy, load_preset, parse_preset, preset_names, scale
from microbotnet.cost.silicon import SILICON
from microbotnet.graph.steps import fuse

HOROWITZ = (Path(__file__).parents[2] / "src/microbotnet/cost/presets/horowitz-45nm.toml").read_text("utf-8")


def test_the_notes_model_is_their_macs_in_picojoule() -> None:
    energy = estimate_energy(trace(create_model("microbotnet", width=0.32)), "notes")
    assert energy.total == pytest.approx(932_886)
    assert energy.memory_share == 0


def test_horowitz_by_hand() -> None:
    # 8×8×8 outputs of 27 MACs; 216 weights and 8 biases of 4 bytes, 248 bytes; input 192, output 512 bytes
    graph = trace(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()), (3, 8, 8))
    energy = estimate_energy(graph)
    assert energy.part("arithmetic") == pytest.approx(512 * 27 * 0.3 + 512 * 3.2)
    assert energy.part("weights") == pytest.approx(248 / 8 * 10)
    assert energy.part("activations") == pytest.approx((192 + 512) / 8 * 10)
    assert energy.total == pytest.approx(sum(item.pj for item in energy.items))
    floats = estimate_energy(graph, operand="fp32")
    assert floats.part("arithmetic") == pytest.approx(512 * 27 * 4.6)
    assert floats.part("weights") == pytest.approx(224 / 2 * 10)
    ternary = estimate_energy(graph, operand="ternary", density=0.25)
    assert ternary.part("arithmetic") == pytest.approx(512 * 27 * 0.1 / 4 + 512 * 3.2)
    assert ternary.part("weights") == pytest.approx((54 + 32) / 8 * 10)


def test_squeeze_and_excite_and_shortcut_are_charged() -> None:
    graph = trace(create_model("microbotnet"))
    energy = estimate_energy(graph)
    steps = {step.name: step for step in fuse(graph)}
    assert set(energy.steps) == set(steps)
    add = steps["features.3.add"].numel
    assert energy.part("arithmetic", "features.3.add") == pytest.approx(add * (0.03 + 3.2))
    assert energy.part("activations", "features.3.add") == pytest.approx(3 * add / 8 * _activation_access(graph))
    gated = steps["features.3.conv.5.mul"].numel  # mul, then h-swish: an addition and two multiplications
    assert energy.part("arithmetic", "features.3.conv.5.mul") == pytest.approx(gated * (0.03 + 2 * 0.2 + 3.2))


def _activation_access(graph) -> float:
    return load_preset("horowitz-45nm").access_pj(measure_memory(graph).peak_activation_bytes)


class Signs(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return torch.tensor([-1.0, 0.0, 1.0]).repeat(weight.numel() // 3).view_as(weight)


def test_a_ternary_kernel_is_costed_as_one() -> None:
    conv = nn.Conv2d(3, 8, 3, bias=False)
    plain = estimate_energy(trace(nn.Sequential(conv), (3, 8, 8)))
    parametrize.register_parametrization(conv, "weight", Signs())
    ternary = estimate_energy(trace(nn.Sequential(conv), (3, 8, 8)))
    assert plain.part("weights") == pytest.approx(4 * ternary.part("weights"))
    macs = next(item for item in ternary.items if "MACs" in item.what)
    assert (macs.count, macs.each) == (36 * 144, 0.1)


def test_access_energy_by_memory_size() -> None:
    preset = load_preset("horowitz-45nm")
    assert preset.access_pj(100) == preset.access_pj(8 * 1024) == 10
    assert preset.access_pj(32 * 1024) == pytest.approx(20)
    assert preset.access_pj(1024 * 1024) == pytest.approx(100)
    assert preset.access_pj(1024 * 1024 + 1) == 1950
    sizes = [preset.access_pj(kilobytes * 1024) for kilobytes in range(1, 1025)]
    assert sizes == sorted(sizes)


def test_changes_are_computed_on_the_network() -> None:
    graph = trace(create_model("microbotnet", width=0.32))
    energy = estimate_energy(graph)
    found = {change.what: change.energy.total for change in changes(graph, energy)}
    assert list(found.values()) == sorted(found.values())
    assert all(total < energy.total for total in found.values())
    ternary = estimate_energy(graph, operand="ternary", density=1.0).total
    assert found["weights at 2 bits (ternary, none zero)"] == ternary
    assert found["activations at 4 bits"] == estimate_energy(graph, activation_bits=4).total
    four = estimate_energy(graph, activation_bits=4)
    assert "activations at 4 bits" not in {change.what for change in changes(graph, four)}


def test_activations_of_four_bits_halve_what_is_moved_but_the_picture() -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3)))
    picture, inner, scores = 3 * 32 * 32, 8 * 30 * 30, 4 * 28 * 28
    for bits in (8, 4):
        energy = estimate_energy(graph, activation_bits=bits)
        words = (8 * picture + bits * (inner + inner + scores)) / 64  # read, written and read, written
        assert energy.part("activations") / energy.preset.access_pj(energy.activation_memory_bytes) == words
    assert energy.activation_memory_bytes == (inner + scores) / 2 + picture / 2
    for part in ("arithmetic", "weights"):
        assert energy.part(part) == estimate_energy(graph).part(part)
    with pytest.raises(BadInput, match="activation_bits must be 8, or 4 with int8 or ternary, not 4 with fp16"):
        estimate_energy(graph, operand="fp16", activation_bits=4)


def test_scaling_to_other_processes() -> None:
    preset = load_preset("horowitz-45nm")
    assert scale(preset, 45, 0.9).arithmetic == pytest.approx(preset.arithmetic)
    # Stillmaker and Baas: a2·V² + a1·V + a0 of 45 nm at 0.9 V and 16 nm at 0.85 V
    ratio = (0.2958 * 0.85**2 - 0.1241 * 0.85 + 0.03024) / (1.018 * 0.81 - 0.3107 * 0.9 + 0.1539)
    assert scale(preset, 16).arithmetic["mac_int8"] == pytest.approx(0.3 * ratio)
    assert scale(preset, 16).dram_pj == preset.dram_pj
    energies = [scale(preset, node).arithmetic["mac_int8"] for node in range(7, 131)]
    assert energies == sorted(energies)
    assert math.isclose(gate_energy(32, 0.9), 0.8367 * 0.81 - 0.4341 * 0.9 + 0.1701)
    for node in (5, 180):
        with pytest.raises(BadInput, match="7 and 130 nm"):
            scale(preset, node)
    with pytest.raises(BadInput, match="notes names no process"):
        scale(load_preset("notes"), 22)


def test_a_users_own_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HOROWITZ.replace("mac_int8 = 0.3", "mac_int8 = 0.6"), "utf-8")
    preset = load_preset(path)
    assert preset.name == "mine"
    assert preset.arithmetic["mac_int8"] == 0.6
    assert preset_names() == ["horowitz-45nm", "horowitz-45nm-16-bit", "horowitz-45nm-shift", "notes"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mac_int8 = 0.3", "", "arithmetic_pj.mac_int8 is missing"),
        ("mac_int8 = 0.3", "mac_int8 = -0.3", r"arithmetic_pj.mac_int8 is negative \(-0.3\)"),
        ("mac_int8 = 0.3", "mac_int8 = 'a'", "arithmetic_pj.mac_int8 must be a number"),
        ("mac_int8 = 0.3", "mac_int8 = nan", "nan is no finite number"),
        ("mac_int8 = 0.3", "mac_int8 = 0.3\nmac_int4 = 1", "arithmetic_pj.mac_int4 is not a constant"),
        ("dram_pj = 1950.0", "", "memory.dram_pj is missing"),
        ("[10.0, 20.0, 100.0]   #", "[10.0, -20.0, 100.0] #", r"memory.read_pj\[1\] is negative"),
        ("[10.0, 20.0, 100.0]   #", "[10.0, 20.0] #", "of one length"),
        ("[8, 32, 1024]", "[32, 8, 1024]", "must grow"),
        ("word_bits = 64", "word_bits = 0", "memory.word_bits must be over 0"),
        ('macs = "conv_linear"', 'macs = "flops"', "macs must be one of"),
        ("[memory]", "[memory", "not TOML"),
    ],
)
def test_a_bad_preset_names_the_constant(old: str, new: str, message: str) -> None:
    assert old in HOROWITZ
    with pytest.raises(BadInput, match=f"mine.toml: .*{message}"):
        parse_preset(HOROWITZ.replace(old, new), "mine", "mine.toml")


def test_an_unknown_preset_or_operand_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="did you mean 'horowitz-45nm'"):
        load_preset("horowitz")
    with pytest.raises(BadInput, match=r"none\.toml"):
        load_preset(tmp_path / "none.toml")
    with pytest.raises(BadInput, match="int4"):
        estimate_energy(trace(nn.Conv2d(3, 3, 1)), operand="int4")


def test_measured_chips() -> None:
    assert [(chip.energy_pj / 1e6, chip.top1) for chip in SILICON] == [(3.8, 86.0), (2.72, 86.0)]
    assert all(chip.measured for chip in SILICON)


def test_presets_of_other_requantization_differ_in_nothing_else() -> None:
    """Between 8 and 32 bits Horowitz's multiplies grow as width^1.98; a shifter is twice a 32-bit addition."""
    strict = load_preset("horowitz-45nm")
    sixteen = 0.2 * (3.1 / 0.2) ** 0.5
    for name, pj in (("horowitz-45nm-16-bit", sixteen * 19.4 / 16 + 0.1), ("horowitz-45nm-shift", 0.3)):
        other = load_preset(name)
        assert other.arithmetic["requantize"] == pytest.approx(pj, abs=0.005)
        rest = {"arithmetic": other.arithmetic | {"requantize": 3.2}}
        assert replace(other, name=strict.name, summary=strict.summary, **rest) == strict
    graph = trace(create_model("grain-s"))
    account = {item.what: item for item in estimate_energy(graph).items}["requantizations"]
    saved = estimate_energy(graph).total - estimate_energy(graph, "horowitz-45nm-shift").total
    assert saved == pytest.approx(account.count * (3.2 - 0.3))


def test_a_base_is_named_and_known() -> None:
    assert parse_preset('base = "notes"\n[arithmetic_pj]\nmac_int8 = 2', "mine").arithmetic["mac_int8"] == 2
    with pytest.raises(BadInput, match="mine: base must be one of horowitz-45nm, "):
        parse_preset('base = "none"', "mine")
