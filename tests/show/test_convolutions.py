"""Every number of the page "What a convolution costs" is derived again here, from torch modules and plain formulas."""

import re
from math import exp, prod
from pathlib import Path

import pytest
import torch
from torch import nn

from microbotnet import create_model
from microbotnet.cost.preset import load_preset
from microbotnet.show.convolutions import figures, h_swish, microbotnet, pictures, relu6, swish

from .drawings import assert_readable

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "what-a-convolution-costs.md"
Shapes = dict[str, tuple[nn.Module, tuple[int, ...], tuple[int, ...]]]


def shapes(name: str, width: float) -> Shapes:
    """Each leaf module of a network with the shapes that it really reads and writes."""
    torch.manual_seed(0)
    model = create_model(name, width=width).eval()
    found: Shapes = {}
    for path, module in model.named_modules():
        if not list(module.children()) or path.endswith("conv.5") or re.fullmatch(r"features\.\d+", path):
            module.register_forward_hook(
                lambda m, i, o, path=path: found.__setitem__(path, (m, tuple(i[0].shape[1:]), tuple(o.shape[1:])))
            )
    with torch.no_grad():
        model(torch.randn(1, 3, 32, 32))
    return found


@pytest.fixture(scope="module")
def micro() -> Shapes:
    return shapes("microbotnet", 0.32)


def macs(layer: tuple[nn.Module, tuple[int, ...], tuple[int, ...]]) -> int:
    module, before, after = layer
    if isinstance(module, nn.Linear):
        return prod(before) * prod(after)
    assert isinstance(module, nn.Conv2d)
    return prod(after) * before[0] // module.groups * prod(module.kernel_size)


def counts(text: str) -> set[int]:
    """Every number of three digits or more that has no decimal point; arXiv numbers and names left out."""
    text = re.sub(r"`[^`\n]*`|arXiv \d+\.\d+|horowitz-45nm|\d[\d,]*\.\d+", "", text)
    return {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d", text) if len(number) > 2}


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", PAGE.read_text(), re.DOTALL)
    assert found, name
    return found[1]


def test_the_page_is_up_to_date() -> None:
    for name, content in figures().items():
        assert block(name) == content, "run python docs/refresh.py"
    assert set(re.findall(r"<!-- ([\w-]+) -->", PAGE.read_text())) == set(figures())


@pytest.mark.parametrize("name", pictures())
def test_its_pictures_are_up_to_date_and_readable(name: str) -> None:
    assert (DOCS / "pictures" / name).read_text() == pictures()[name], "run python docs/refresh.py"
    assert f"pictures/{name}" in PAGE.read_text()
    assert_readable(pictures()[name])


def test_the_text_around_has_no_counts() -> None:
    text = re.sub(r"<!-- ([\w-]+) -->.*?<!-- /\1 -->", "", PAGE.read_text(), flags=re.DOTALL)
    assert counts(text) == set()


@pytest.mark.parametrize(
    ("name", "layer"),
    [("standard", "features.0.0"), ("depthwise", "features.1.conv.3"), ("pointwise", "features.1.conv.0")],
)
def test_one_convolution(name: str, layer: str, micro: Shapes) -> None:
    module, before, after = micro[layer]
    assert isinstance(module, nn.Conv2d)
    text = block(name)
    assert f"`{layer}`, {'×'.join(map(str, before))} → {'×'.join(map(str, after))}:" in text
    total, outputs, weights = macs(micro[layer]), prod(after), module.weight.numel()
    derived = {total, outputs, weights, before[0] // module.groups * prod(module.kernel_size)}
    if module.groups > 1:
        derived.add(total * before[0])
        assert f"{total * before[0]:,}" in text
    assert counts(text) <= derived
    assert f"= {total:,}\n" in text
    assert f"= {weights:,}\n" in text

    # The energy: MACs, h-swish (1 addition, 1 multiplication) or a free ReLU, requantization; one read and one write.
    constants = load_preset("horowitz-45nm")
    activation = micro[layer.rpartition(".")[0] + f".{int(layer[-1]) + 2}"][0]
    swishes = outputs if isinstance(activation, nn.Hardswish) else 0
    arithmetic = total * 0.3 + swishes * (0.03 + 0.2) + outputs * 3.2
    memory = microbotnet().memory
    reads = (weights + 4 * 2 * after[0]) / 8 * constants.access_pj(memory.weight_bytes["int8"])
    moved = (prod(before) + outputs) / 8 * constants.access_pj(memory.peak_activation_bytes)
    found = [1000 * float(x.replace(",", "")) for x in re.findall(r"(?:nJ\): |int8\): |\w+ )([\d,]+\.\d)", text)]
    assert found == pytest.approx([arithmetic + reads + moved, arithmetic, reads, moved], abs=60)


def test_depthwise_then_pointwise(micro: Shapes) -> None:
    _, _, (m, size, _) = micro["features.1.conv.3"]
    n = micro["features.1.conv.7"][2][0]
    apart = macs(micro["features.1.conv.3"]) + macs(micro["features.1.conv.7"])
    standard = nn.Conv2d(m, n, 3, padding=1).weight.numel() * size**2
    text = block("separable")
    assert counts(text) == {apart, standard}
    assert f"{standard / apart:.1f} times" in text
    assert apart / standard == pytest.approx(1 / n + 1 / 9)  # the paper's formula


def test_fire() -> None:
    found = shapes("squeezenet-cifar", 1.0)
    convs = [
        value for path, value in found.items() if path.startswith("features.4.") and isinstance(value[0], nn.Conv2d)
    ]
    _, before, after = found["features.4"]
    plain = prod(after) * before[0] * 9
    each = [macs(conv) for conv in convs]
    text = block("fire")
    assert counts(text) == {*each, sum(each), plain, after[0]}
    assert f"{plain / sum(each):.1f} times" in text
    s, half = convs[0][2][0], convs[1][2][0]
    assert sum(each) == prod(after[1:]) * s * (before[0] + half + 9 * half)  # the page's formula


def test_inverted_residual(micro: Shapes) -> None:
    inside = {p: v for p, v in micro.items() if p.startswith("features.3.conv.")}
    each = {p: macs(v) for p, v in inside.items() if isinstance(v[0], nn.Conv2d | nn.Linear)}
    excite = sum(count for p, count in each.items() if ".fc." in p)
    convs = {count for p, count in each.items() if ".fc." not in p}
    middle = inside["features.3.conv.3"][2]
    text = block("inverted-residual")
    assert counts(text) == {*convs, excite, sum(each.values()), prod(middle) * middle[0] * 25}
    inputs, outputs = micro["features.3"][1][0], micro["features.3"][2][0]
    assert f"from {inputs} channels to {middle[0]} and back to {outputs}" in text
    assert sum(convs) > 0
    assert sum(count for p, count in each.items() if ".fc." not in p) == prod(middle) * (inputs + 25 + outputs)
    layers = [layer for layer in microbotnet().layers if layer.step.name.startswith("features.3.")]
    assert f"int8): {sum(sum(layer.energy_pj.values()) for layer in layers) / 1000:.1f} nJ" in text


def test_squeeze_and_excite(micro: Shapes) -> None:
    linears = [v for p, v in micro.items() if p.startswith("features.3.conv.5.fc.") and isinstance(v[0], nn.Linear)]
    _, before, _ = micro["features.3.conv.5"]
    depthwise = micro["features.3.conv.3"][0]
    assert isinstance(depthwise, nn.Conv2d)
    gates = sum(macs(linear) for linear in linears)
    text = block("squeeze-excite")
    assert counts(text) == {prod(before), gates, depthwise.weight.numel()}
    assert gates == 2 * before[0] ** 2 // 4  # the page's formula, r = 4
    assert sum(p.numel() for linear in linears for p in linear[0].parameters()) == gates
    assert f"weights   {gates:,}," in text


def test_activations(micro: Shapes) -> None:
    def found(kind: type[nn.Module]) -> list[int]:
        return [prod(after) for module, _, after in micro.values() if isinstance(module, kind)]

    swishes, sigmoids, relus = found(nn.Hardswish), found(nn.Hardsigmoid), found(nn.ReLU)
    text = block("h-swish")
    assert f"{len(swishes)} h-swish layers over {sum(swishes):,} values" in text
    apart = max(abs(x / (1 + exp(-x)) - x * min(max(x + 3, 0), 6) / 6) for x in (i / 1000 for i in range(-9000, 9001)))
    assert f"{apart:.3f} apart (at x = ±3.0)" in text
    assert counts(text) == {sum(swishes)}
    text = block("relu6")
    assert f"{len(swishes)} h-swish and {len(sigmoids)} h-sigmoid layers" in text
    assert f"({len(relus)} layers, {sum(relus):,} values)" in text
    assert counts(text) == {255, sum(swishes), sum(sigmoids), sum(relus)}
    assert f"{6 / 255:.4f}" in text


def test_the_curves_are_torchs() -> None:
    x = torch.linspace(-8, 8, 101, dtype=torch.float64)
    for ours, theirs in ((swish, nn.SiLU()), (h_swish, nn.Hardswish()), (relu6, nn.ReLU6())):
        assert ours(x.numpy()) == pytest.approx(theirs(x).numpy())
