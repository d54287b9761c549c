"""A user's own Python files: each sees its own neighbours."""

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from microbotnet.errors import BadInput
from microbotnet.sources.module import load_module

NET = """from torch import nn
from {layers} import WIDTH

class Net(nn.Conv2d):
    def __init__(self):
        super().__init__(3, WIDTH, 1)

    def forward(self, x):
        from {late} import FACTOR
        return super().forward(x) * FACTOR
"""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    modules, path = dict(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]


def write(folder: Path, width: int, package: bool) -> Path:
    folder.mkdir(parents=True)
    dot = "." if package else ""
    (folder / "net.py").write_text(NET.format(layers=f"{dot}layers_of_it", late=f"{dot}late_of_it"))
    (folder / "layers_of_it.py").write_text(f"WIDTH = {width}\n")
    (folder / "late_of_it.py").write_text(f"FACTOR = {width}\n")
    if package:
        (folder / "__init__.py").touch()
    return folder / "net.py"


def width_of(file: Path) -> tuple[int, int]:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = load_module(file, "Net")
    with torch.no_grad():
        x = torch.rand(1, 3, 2, 2)
        factor = (model(x) / torch.nn.functional.conv2d(x, model.weight, model.bias)).mean().round()
    return model.out_channels, int(factor)


@pytest.mark.parametrize("package", [False, True], ids=["files", "packages"])
def test_two_files_of_one_name_have_each_their_neighbours(tmp_path: Path, package: bool) -> None:
    first = write(tmp_path / "a" / "models_of_it", 4, package)
    second = write(tmp_path / "b" / "models_of_it", 6, package)
    assert width_of(first) == (4, 4)
    assert width_of(second) == (6, 6)
    assert width_of(first) == (4, 4)


def test_what_python_has_loaded_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "__init__.py").touch()
    (tmp_path / "json" / "net.py").write_text(NET)
    import json

    with pytest.raises(BadInput, match="json is the name of another package"):
        width_of(tmp_path / "json" / "net.py")
    assert sys.modules["json"] is json
