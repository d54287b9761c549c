"""Files that are damaged, of another kind, or of what has no integer form: one clear sentence, quickly."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tflite")

from microbotnet.errors import BadInput
from microbotnet.importers.tflite import import_tflite

from .networks import NETWORKS, conv, linear, unary
from .written import Net


def refusal(content: bytes, folder: Path) -> str:
    path = folder / "net.tflite"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        import_tflite(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said.removeprefix(f"{path}: ")


def content(make: Callable[[Net], Any], **changes: Any) -> bytes:
    net = Net(1)
    make(net)
    for name, value in changes.items():
        setattr(net, name, value)
    return net.content()


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = content(NETWORKS["linear behind flatten"])
    for end in (0, 3, 8, 40, len(whole) // 2, len(whole) - 300, len(whole) - 4):
        assert "cut short" in (said := refusal(whole[:end], tmp_path)) or "no .tflite file" in said


def test_damaged_files_are_refused_quickly_whatever_is_damaged(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = [
        content(NETWORKS[name]) for name in ("linear behind flatten", "split of rows", "softmax", "transpose conv")
    ]
    path, begun = tmp_path / "net.tflite", time.monotonic()
    refused = 0
    for number in range(300):
        mutated = bytearray(files[number % len(files)])
        for _ in range(int(rng.integers(1, 5))):
            at = int(rng.integers(8, len(mutated) - 4))
            if number % 3 == 0:
                mutated[at] = int(rng.integers(256))
            elif number % 3 == 1:
                value = int(rng.choice([0, 1, -1, 2**31 - 1, -(2**31), int(rng.integers(len(mutated)))]))
                mutated[at // 4 * 4 : at // 4 * 4 + 4] = value.to_bytes(4, "little", signed=True)
            else:
                mutated = mutated[: max(at, 16)]
                break
        path.write_bytes(bytes(mutated))
        try:
            import_tflite(path)  # a weight may be another: no harm
        except BadInput:
            refused += 1
    assert refused > 150
    assert time.monotonic() - begun < 60


def test_what_is_no_tflite_file_is_said(tmp_path: Path) -> None:
    assert "no .tflite file of schema 3" in refusal(b"\x08\x07\x12\x05hello", tmp_path)
    with pytest.raises(BadInput, match="cannot be read"):
        import_tflite(tmp_path / "none.tflite")
    with pytest.raises(BadInput, match="cannot be read"):
        import_tflite(tmp_path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    assert "is of schema 2; 3 is read here" in refusal(content(NETWORKS["conv"], version=2), tmp_path)


def test_shapes_that_are_not_fixed_are_refused(tmp_path: Path) -> None:
    net = Net()
    conv(net, net.value(1, 5, 4, 3, signature=[1, -1, -1, 3]), 2)
    assert "its input 't0' (tensor 0) has a shape that is not fixed" in refusal(net.content(), tmp_path)


def test_several_pictures_at_once_are_refused(tmp_path: Path) -> None:
    net = Net()
    linear(net, net.value(8, 12), 3)
    assert "batch of 8" in refusal(net.content(), tmp_path)


def test_a_network_of_floats_is_refused(tmp_path: Path) -> None:
    net = Net()
    x, w = net.value(1, 12, scale=False, dtype=np.float32), net.constant(np.zeros((3, 12), np.float32))
    y = net.value(1, 3, scale=False, dtype=np.float32)
    net.node("FULLY_CONNECTED", [x, w], [y], "FullyConnectedOptions", FusedActivationFunction=0)
    assert "float32; only int8 networks are read: quantize it in full" in refusal(net.content(), tmp_path)


def test_hybrid_quantization_is_refused(tmp_path: Path) -> None:
    """Int8 weights, dequantized to floats for the activations."""
    net = Net()
    x, y = (net.value(1, n, scale=False, dtype=np.float32) for n in (12, 3))
    net.node("FULLY_CONNECTED", [x, net.weights(3, 12)], [y], "FullyConnectedOptions", FusedActivationFunction=0)
    assert "float32; only int8" in refusal(net.content(), tmp_path)


def test_int16_activations_are_refused(tmp_path: Path) -> None:
    net = Net()
    x, y = net.value(1, 12, dtype=np.int16, zero=0), net.value(1, 3, dtype=np.int16, zero=0)
    net.node("FULLY_CONNECTED", [x, net.weights(3, 12)], [y], "FullyConnectedOptions", FusedActivationFunction=0)
    assert "int16; only int8" in refusal(net.content(), tmp_path)


def test_missing_buffers_are_said(tmp_path: Path) -> None:
    net = Net()
    linear(net, net.value(1, 12), 3)
    net.tensors[2]["data"] = None
    said = refusal(net.content(), tmp_path)
    assert said.startswith("operator 0 (FULLY_CONNECTED), which makes 't1' (tensor 1): its weights 't2' (tensor 2)")


@pytest.mark.parametrize(
    ("kind", "instead"),
    [("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), ("ELU", "LEAKY_RELU"), ("GELU", "HARD_SWISH"), ("COS", "replace")],
)
def test_an_operator_without_a_form_is_named_with_what_to_use_instead(kind: str, instead: str, tmp_path: Path) -> None:
    said = refusal(content(unary(kind)), tmp_path)
    assert said.startswith(f"operator 0 ({kind}), which makes 't1' (tensor 1): ")
    assert instead in said


def test_what_the_file_says_of_shapes_must_hold(tmp_path: Path) -> None:
    for name, tensor, shape in (("conv", -1, (1, 7, 5, 5)), ("linear", -1, (1, 8)), ("pad", -1, (1, 9, 9, 3)),
                                ("concatenation of rows", -1, (1, 11, 5, 4)), ("softmax", -1, (1, 11))):  # fmt: skip
        net = Net(1)
        NETWORKS[name](net)
        net.tensors[net.nodes[tensor][2][0]]["shape"] = shape
        assert refusal(net.content(), tmp_path).startswith(f"operator {len(net.nodes) - 1} ("), name
