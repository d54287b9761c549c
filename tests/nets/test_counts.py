"""Published counts, on shapes alone: no weight is allocated."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from microbotnet.nets import create_model

GOLDEN = tomllib.loads((Path(__file__).parents[1] / "golden" / "nets.toml").read_text())


def shapes_only(name: str, **options: Any) -> nn.Module:
    with torch.device("meta"):
        return create_model(name, **options)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def macs(model: nn.Module, *shape: int) -> int:
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model.eval()(torch.empty(1, *shape, device="meta"))
    assert counter.get_total_flops() % 2 == 0
    return counter.get_total_flops() // 2


def rounds_to(value: float, published: str) -> bool:
    return abs(Decimal(value) - Decimal(published)) <= Decimal(5).scaleb(Decimal(published).as_tuple().exponent - 1)


@pytest.mark.parametrize("row", GOLDEN["net"], ids=lambda row: f"{row['name']}×{row.get('width', 1.0):g}")
def test_published_counts(row: dict[str, Any]) -> None:
    size = row.get("input_size")
    model = shapes_only(row["name"], num_classes=row["classes"], width=row.get("width", 1.0), input_size=size)
    shape = row.get("input_shape", [3, size, size])
    if "parameters" in row:
        assert parameters(model) == row["parameters"]
    if "macs" in row:
        assert macs(model, *shape) == row["macs"]
    if "macs_millions" in row:
        assert rounds_to(macs(model, *shape) / 1e6, row["macs_millions"])


def test_mlperf_tinys_networks_as_keras_counts_them() -> None:
    """The reference's own model summaries: every batch norm has two statistics a channel beside its two parameters."""
    for name, published in {"resnet8": 78_666, "ds-cnn": 24_908, "deep-autoencoder": 269_992}.items():
        model = shapes_only(name)
        statistics = sum(b.numel() for key, b in model.named_buffers() if key.endswith(("running_mean", "running_var")))
        assert parameters(model) + statistics == published, name


def test_mlperf_tinys_macs_by_hand() -> None:
    keyword = 125 * (64 * 40 + 4 * (64 * 9 + 64 * 64)) + 64 * 12  # 25×5 places in every layer
    assert macs(shapes_only("ds-cnn"), 1, 49, 10) == keyword == 2_656_768
    anomaly = 2 * 640 * 128 + 6 * 128 * 128 + 2 * 128 * 8
    assert macs(shapes_only("deep-autoencoder"), 640) == anomaly == 264_192


@pytest.mark.parametrize("row", GOLDEN["binary"], ids=lambda row: row["name"])
def test_binarynet_bytes_at_one_bit_a_weight(row: dict[str, Any]) -> None:
    model = shapes_only(row["name"])

    def kb(kind: type[nn.Module]) -> float:
        return sum(m.weight.numel() for m in model.modules() if isinstance(m, kind)) / 8 / 1024

    sizes = {"convolutions": kb(nn.Conv2d), "linears": kb(nn.Linear), "total": kb(nn.Conv2d) + kb(nn.Linear)}
    published = [key for key in row if key.endswith(("_kb", "_mb"))]
    assert len(published) == 3
    for key in published:
        part, unit = key.rsplit("_", 1)
        assert rounds_to(sizes[part] / (1024 if unit == "mb" else 1), row[key]), key


def test_complex_bypass_costs_its_four_convolutions() -> None:
    pairs = [(96, 128), (128, 256), (256, 384), (384, 512)]
    extra = sum(i * o + o for i, o in pairs)
    assert parameters(shapes_only("squeezenet1.0-complex-bypass", num_classes=1000)) == 1_248_424 + extra
    extra -= (96 - 64) * 128  # the stem of 1.1 has 64 filters
    assert parameters(shapes_only("squeezenet1.1-complex-bypass", num_classes=1000)) == 1_235_496 + extra


def test_depthwise_separable_block_costs_what_the_paper_says() -> None:
    """D_G²·M·(D_K² + N), arXiv 1704.04861 section 3.1: the first block of MobileNet V1 at 224."""
    model = shapes_only("mobilenet-v1")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model.features[2](model.features[1](torch.empty(1, 32, 112, 112, device="meta")))  # type: ignore[index]
    assert counter.get_total_flops() // 2 == 112**2 * 32 * (3**2 + 64)


@pytest.mark.parametrize("name", ["mobilenet-v1", "mobilenet-v2", "mobilenet-v3-small", "fd-mobilenet", "microbotnet"])
def test_resolution_multiplies_by_its_square_all_but_the_head(name: str) -> None:
    """a·s² + b: what follows a global average costs the same at any resolution."""
    small, middle, large = (macs(shapes_only(name, input_size=size), 3, size, size) for size in (32, 64, 128))
    assert large - middle == 4 * (middle - small)
