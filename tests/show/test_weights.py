import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from microbotnet.show.weights import Kernel, Weights, draw_weights, weights_of

from .drawings import SVG, assert_readable


@pytest.fixture(scope="module")
def one_negative_one(shared: Path) -> Weights:
    return weights_of(str(shared / "checkpoints" / "micro_one_neg_one_x0_32.pytorch_state"))


def test_the_published_ternary_counts(one_negative_one: Weights) -> None:
    found = one_negative_one.to_json()
    assert found["ternary"] == {
        "layers": 31,
        "weights": 153_792,
        "positive": 12_222,
        "zero": 134_124,
        "negative": 7_446,
    }
    assert found["parameters"] == 236_658
    assert found["not_ternary"] == 82_866


def test_the_ternary_layers_are_those_of_over_1000_weights_in_the_bottlenecks(one_negative_one: Weights) -> None:
    bottlenecks = tuple(f"features.{i}." for i in range(1, 11))
    for kernel in one_negative_one.kernels:
        assert kernel.ternary == (kernel.values.size > 1000 and kernel.name.startswith(bottlenecks)), kernel.name
    assert sum(kernel.values.ndim == 4 for kernel in one_negative_one.ternary) == 19
    assert sum(kernel.values.size for kernel in one_negative_one.ternary if kernel.values.ndim == 4) == 78_272


def test_the_sheet_is_readable_and_its_maps_are_the_signs(one_negative_one: Weights) -> None:
    root = assert_readable(draw_weights(one_negative_one))
    images = list(root.iter(f"{SVG}image"))
    assert len(images) == 31
    blue = orange = cells = 0
    for image in images:
        png = base64.b64decode(image.attrib["href"].removeprefix("data:image/png;base64,"))
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(int)
        shown = pixels[..., 3] > 0
        blue += int((shown & (pixels[..., 2] > pixels[..., 0])).sum())
        orange += int((shown & (pixels[..., 0] > pixels[..., 2])).sum())
        cells += shown.size
    assert (blue, orange, cells) == (12_222, 7_446, 153_792)


def test_a_histogram_has_every_weight() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(64, 64)).astype(np.float32)
    root = assert_readable(draw_weights(Weights("w", (Kernel("a.weight", values, False),), values.size)))
    reach = np.abs(values).max()
    counts = np.histogram(values, 41, (-reach, reach))[0]
    bars = [float(r.attrib["height"]) for r in root.iter(f"{SVG}rect") if r.attrib["class"] == "others"][1:]
    assert bars == pytest.approx([80 * count / counts.max() for count in counts if count], abs=0.06)


def test_a_kernel_of_zeros_is_drawn() -> None:
    zeros = np.zeros((3, 5), np.float32)
    assert_readable(draw_weights(Weights("w", (Kernel("a", zeros, False), Kernel("b", zeros, True)), 30)))
