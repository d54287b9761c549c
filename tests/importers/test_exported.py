"""Files of torch.export: the same outputs, names and costs as the module; and nothing that a file can make run."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from microbotnet import BadInput, count_macs, create_model, import_exported, trace
from microbotnet.nets import find_net


def export(model: nn.Module, shape: tuple[int, ...], path: Path, *, batch: int = 1, free: bool = False) -> Path:
    dynamic = ({0: torch.export.Dim("batch")},) if free else None
    torch.export.save(torch.export.export(model, (torch.zeros(batch, *shape),), dynamic_shapes=dynamic), path)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    model = create_model("microbotnet", width=0.25).eval()
    return export(model, (3, 32, 32), tmp_path_factory.mktemp("pt2") / "net.pt2")


class Views(nn.Module):
    """What exporters write with the batch's size in it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)
        self.head = nn.Linear(8, 4)
        self.register_buffer("offset", torch.tensor([0.5, -0.5, 0.25, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.conv(x))
        y = y.view(x.shape[0], 8, -1).mean(2)
        return self.head(y.reshape(x.shape[0], 8)) + self.offset


@pytest.mark.parametrize(("batch", "free"), [(1, False), (2, False), (2, True)])
def test_a_module_of_ones_own_gives_the_same_for_any_batch(tmp_path: Path, batch: int, free: bool) -> None:
    torch.manual_seed(1)
    model = Views().eval()
    found = import_exported(export(model, (3, 9, 7), tmp_path / "views.pt2", batch=batch, free=free))
    assert found.input_shape == (3, 9, 7)
    ours, theirs = model.state_dict(), found.state_dict()
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[key], ours[key]) for key in ours)
    x = torch.randn(5, 3, 9, 7)
    with torch.no_grad():
        assert torch.equal(found(x), model(x))
    assert not found.training


@pytest.mark.parametrize("name", ["squeezenet-cifar", "ds-cnn", "deep-autoencoder", "grain-m"])
def test_the_zoo_comes_back(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    model, shape = create_model(name).eval(), find_net(name).input_shape
    found = import_exported(export(model, shape, tmp_path / "net.pt2"))
    x = torch.randn(3, *shape)
    with torch.no_grad():
        assert torch.equal(found(x), model(x))
    assert found.state_dict().keys() == model.state_dict().keys()
    ours, theirs = trace(model, shape), trace(found, shape)
    assert count_macs(theirs) == count_macs(ours)
    assert [node.kind for node in theirs] == [node.kind for node in ours]


def test_a_decomposed_file_gives_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create_model("resnet8").eval()
    program = torch.export.export(model, (torch.zeros(1, 3, 32, 32),)).run_decompositions()
    torch.export.save(program, tmp_path / "core.pt2")
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(import_exported(tmp_path / "core.pt2")(x), model(x))


def test_every_truncation_is_an_error(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    for size in (0, 1, 100, len(content) // 2, len(content) - 1):
        (tmp_path / "cut.pt2").write_bytes(content[:size])
        with pytest.raises(BadInput, match=r"cut\.pt2: no torch\.export file, or cut short"):
            import_exported(tmp_path / "cut.pt2")


def changed(file: Path, to: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of an archive whose entries went through `change`."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return to


def model_changed(file: Path, to: Path, change: Callable[[Any], None]) -> Path:
    def edit(name: str, content: bytes) -> bytes:
        if not name.endswith("/models/model.json"):
            return content
        model = json.loads(content)
        change(model)
        return json.dumps(model).encode()

    return changed(file, to, edit)


@pytest.mark.parametrize(
    "target",
    [
        "os.system", "builtins.eval", "torch.serialization.load", "torch.ops.aten.from_file.default",
        "torch.ops.aten.__class__.default", "_operator.methodcaller", "torch.ops.aten.save.default", "eval",
        "torch.ops.quantized_decomposed.quantize_per_tensor.default", "torch.ops.aten.conv2d.no_such",
    ],
)  # fmt: skip
def test_only_known_operators_are_called(file: Path, tmp_path: Path, target: str) -> None:
    def change(model: Any) -> None:
        model["graph_module"]["graph"]["nodes"][0]["target"] = target

    with pytest.raises(BadInput, match=r"operator .* (is not read|is int8 already|is not one of this torch's)"):
        import_exported(model_changed(file, tmp_path / "evil.pt2", change))


class _Bomb:
    def __reduce__(self) -> object:
        return os.mkdir, (os.environ["BOMB"],)


def test_a_pickle_in_the_archive_is_not_run(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOMB", str(tmp_path / "trap"))

    def change(name: str, content: bytes) -> bytes:
        if name.endswith("model_weights_config.json"):
            config = json.loads(content)
            config["config"]["classifier.1.bias"]["use_pickle"] = True
            return json.dumps(config).encode()
        if name.endswith("/weights/weight_0"):
            return content
        return pickle.dumps(_Bomb()) if "/weights/weight_" in name else content

    with pytest.raises(BadInput, match=r"(refused: .* carries code|not written as torch\.export writes)"):
        import_exported(changed(file, tmp_path / "evil.pt2", change))
    assert not (tmp_path / "trap").exists()


def test_expressions_are_not_evaluated(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    path = export(Views().eval(), (3, 9, 7), tmp_path / "views.pt2", batch=2, free=True)

    def change(model: Any) -> None:
        for value in model["graph_module"]["graph"]["tensor_values"].values():
            for size in value["sizes"]:
                if "as_expr" in size:
                    size["as_expr"]["expr_str"] = f"__import__('os').mkdir({str(trap)!r})"

    import_exported(model_changed(path, tmp_path / "evil.pt2", change))
    assert not trap.exists()


def test_what_is_no_such_file_says_what_it_is(file: Path, tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), tmp_path / "script.pt2")
    with pytest.raises(BadInput, match="a TorchScript file, which is code"):
        import_exported(tmp_path / "script.pt2")
    torch.save({"w": torch.zeros(1)}, tmp_path / "state.pt2")
    with pytest.raises(BadInput, match="holds 0 models, not one"):
        import_exported(tmp_path / "state.pt2")
    with pytest.raises(BadInput, match="cannot be read"):
        import_exported(tmp_path / "absent.pt2")
    missing = changed(file, tmp_path / "less.pt2", lambda name, content: None if "weight_3" in name else content)
    with pytest.raises(BadInput, match=r"is not written as torch\.export writes"):
        import_exported(missing)


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x + y

    torch.export.save(torch.export.export(Two(), (torch.zeros(1, 3), torch.zeros(1, 3))), tmp_path / "two.pt2")
    with pytest.raises(BadInput, match=r"has 2 inputs \(x, y\)"):
        import_exported(tmp_path / "two.pt2")
    path = export(create_model("resnet8"), (3, 32, 32), tmp_path / "training.pt2", batch=2)
    with pytest.raises(BadInput, match=r"(is in training mode|writes into its own buffers).*eval\(\)"):
        import_exported(path)

    class Wide(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x)

    shapes = ({0: torch.export.Dim("n"), 2: torch.export.Dim("rows")},)
    torch.export.save(
        torch.export.export(Wide(), (torch.zeros(2, 3, 8, 8),), dynamic_shapes=shapes), tmp_path / "wide.pt2"
    )
    with pytest.raises(BadInput, match=r"its input is \?×3×\?×8; only the first size"):
        import_exported(tmp_path / "wide.pt2")


def test_reading_takes_no_pickled_tensor_that_is_none(file: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)

    def change(name: str, content: bytes) -> bytes:
        if name.endswith("model_weights_config.json"):
            config = json.loads(content)
            next(iter(config["config"].values()))["use_pickle"] = True
            return json.dumps(config).encode()
        return buffer.getvalue() if name.endswith("/weight_0") else content

    with pytest.raises(BadInput, match="is a list, no tensor"):
        import_exported(changed(file, tmp_path / "list.pt2", change))
