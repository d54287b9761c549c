"""Every code block of the README and the docs is run: as a newcomer would, in a folder of their own."""

import importlib.util
import io
import re
import shutil
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.main import get_command

import microbotnet
from microbotnet.cli import app
from microbotnet.data import cifar10, iterators, micro_robot, source
from microbotnet.mcu.board import parse_board

from .blocks import NOT_RUN, PAGES, ROOT, SHORTENED, Block, blocks, shortened, words

for module in ("unicorn", "elftools", "ziglang", "onnx"):
    pytest.importorskip(module, reason=f"{module} is not installed")

DEMO = ROOT / "src" / "microbotnet" / "demo" / "pictures"
C_SOURCES = ROOT / "src" / "microbotnet" / "mcu" / "runtime"
SHARED = {  # what a reader got elsewhere, and what it is in the folder of reference files
    "fd_mobilenetv3_x0_32.pth": "checkpoints/fd_mobilenetv3_x0_32.pth",
    "model.tflite": "models/pretrainedResnet_quant.tflite",
}
DRAWINGS = {"docs/architecture.md"}  # a block that is neither code nor made
COUNT = 64  # pictures of a made-up set
COMMAND: Any = get_command(app)  # once: to read the options of all commands takes longer than many of them


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


WITH_CODE = [page for page in PAGES if blocks(page)]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all the files that the pages name, and small sets in place of the real ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    sys.modules.pop("my_net", None)  # another page's, or another test's
    shutil.copy(DEMO / "frog.png", "frog.png")
    Image.open(DEMO / "frog.png").convert("RGB").save("frog.jpg")
    shutil.copy("frog.jpg", "holiday.jpg")
    for name in ("src", "benchmarks"):
        Path(name).symlink_to(ROOT / name)
    shutil.copytree(DEMO, "pictures", ignore=shutil.ignore_patterns("*.md"))
    for folder, classes in (("my-pictures", ("cat", "dog")), ("my-robot", ("nut", "bolt"))):
        for i, name in enumerate(classes):
            (tmp_path / folder / name).mkdir(parents=True)
            for j in range(16):
                values = np.full((40, 40, 3), 60 * i + 5 * j, np.uint8)
                Image.fromarray(values).save(tmp_path / folder / name / f"{j}.png")
    (tmp_path / "my-frames").mkdir()
    for j in range(16):
        Image.fromarray(np.full((40, 40, 3), 3 + 5 * j, np.uint8)).save(tmp_path / "my-frames" / f"{j}.png")
    random = np.random.default_rng(0)
    np.save("pictures.npy", random.integers(0, 256, (8, 3, 32, 32), dtype=np.uint8))
    np.save("spectrograms.npy", random.normal(0, 20, (4, 1, 49, 10)).astype(np.float32))
    torch.manual_seed(0)
    torch.save(microbotnet.create_model("ds-cnn").state_dict(), "ds-cnn.pth")
    weights = ROOT / "src" / "microbotnet" / "weights"
    for suffix in ("safetensors", "json"):
        shutil.copy(weights / f"grain-xl-ternary.{suffix}", f"my-net.{suffix}")
    shutil.copy(ROOT / "src" / "microbotnet" / "cost" / "presets" / "horowitz-45nm.toml", "my-chip.toml")
    shutil.copy(ROOT / "src" / "microbotnet" / "training" / "recipes" / "modern.toml", "my-recipe.toml")
    for name, path in SHARED.items():
        if (there := ROOT.parent / "shared" / path).is_file():
            shutil.copy(there, name)
    (tmp_path / "runs" / "made").mkdir(parents=True)

    def made_up(classes: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(classes)  # other pictures for other sets
        return torch.randint(0, 256, (COUNT, 3, size, size), generator=generator).byte(), torch.arange(COUNT) % classes

    def small_robot(name: str, split: str = "train", folder: Path | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        return made_up(len(micro_robot.classes_of(name)), 64)

    monkeypatch.setattr(source, "load_cifar10", lambda folder=None, split="train": made_up(10, 32))
    monkeypatch.setattr(cifar10, "load_cifar10", lambda folder=None, split="train": made_up(10, 32))
    monkeypatch.setattr(source, "load_micro_robot", small_robot)
    monkeypatch.setattr(iterators, "load_micro_robot", small_robot)
    return tmp_path


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_the_blocks_of_a_page_run_in_their_order(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"microbotnet": microbotnet, "pictures": np.load("pictures.npy"), "torch": torch, "np": np}
    for block in blocks(page):
        if block.language == "python" and any(name in block.text and not Path(name).exists() for name in SHARED):
            pytest.skip("the folder ../shared, from which this page reads a file, is not there")
        where = f"{name_of(page)}:{block.line}"
        if block.file:
            (desk / block.file).write_text(block.text)
        elif block.language == "python":
            exec(compile(block.text, where, "exec"), names)
        elif block.language == "toml":
            _configuration(block, desk)
        elif block.language == "c":
            sources = [*C_SOURCES.iterdir(), *desk.rglob("*/example/*.c")]  # what comes with us, what a page exported
            assert _squeezed(block.text) in "".join(_squeezed(file.read_text()) for file in sources), where
        elif block.language.startswith("{"):
            pass  # a directive of the site, which `make docs` builds
        elif block.is_shell:
            for command in block.commands:
                _run(command, page, desk, where, monkeypatch)
        else:
            assert block.language == "", f"{where}: {block.language} is not run"
            assert name_of(page) in DRAWINGS or _is_made(block), f"{where}: neither code nor made by docs/refresh.py"


def _run(command: str, page: Path, desk: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not re.match(r"(cat \S+ \| )?microbotnet ", command):
        assert shortened(command) is None, f"{where}: {command}"
        return
    _prepare(page, desk)
    _check_options(words(command)[0], where)
    short = shortened(command)
    if short is None or any(name in short and not Path(name).exists() for name in SHARED):
        return
    arguments, piped = words(short)
    if piped:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(piped).read_bytes())))
    refused = command == "microbotnet firmware microbotnet-0.32-one-negative-one-pointwise --board scum"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            COMMAND(arguments, standalone_mode=False)
        except SystemExit as end:
            if end.code:
                raise AssertionError(f"{where}: {command} ended with {end.code}") from end
        except microbotnet.BadInput as error:
            assert refused, f"{where}: {command}: {error}"  # noqa: PT017
            assert "does not fit scum" in str(error)  # noqa: PT017
        except microbotnet.Failed as error:
            raise AssertionError(f"{where}: {command}: {error}") from error


def _prepare(page: Path, desk: Path) -> None:
    """What a page takes for granted: files that its reader has, or that an earlier page made."""
    for name in ("model.safetensors", "model.json"):
        made = desk / "runs" / "made" / name
        robot = desk / "runs" / "my-robot"
        found = sorted(desk.glob(f"runs/*my-robot*/{name}"), key=lambda path: path.stat().st_mtime)
        if found and not made.exists() and not robot.exists():
            shutil.copy(found[-1], made)
        teacher = desk / "runs" / "teacher" / name
        if "designs" in page.name and not teacher.exists():
            teacher.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "src/microbotnet/weights" / name.replace("model", "grain-s"), teacher)
    if (desk / "my_net.py").exists() and not (desk / "my_net.pth").exists():
        _make_weights(desk)


def _make_weights(desk: Path) -> None:
    spec = importlib.util.spec_from_file_location("my_net", desk / "my_net.py")
    assert spec is not None
    assert spec.loader is not None
    code: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    model = code.Net().eval()
    torch.save(model.state_dict(), "my_net.pth")
    torch.onnx.export(model, (torch.zeros(1, 3, 32, 32),), "my_net-float.onnx", dynamo=False)


def _check_options(arguments: list[str], where: str) -> None:
    command = COMMAND
    while hasattr(command, "commands") and arguments and arguments[0] in command.commands:
        command = command.commands[arguments[0]]
        arguments = arguments[1:]
    assert not hasattr(command, "commands"), f"{where}: no such command"
    options = {flag for parameter in command.params for flag in [*parameter.opts, *parameter.secondary_opts]}
    assert {word for word in arguments if word.startswith("-") and word != "-"} <= options, where


def _configuration(block: Block, desk: Path) -> None:
    values = tomllib.loads(block.text)
    if "core" in values:
        parse_board(block.text, "own", "own")
    else:
        (desk / "mine.toml").write_text(block.text)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _is_made(block: Block) -> bool:
    """Whether docs/refresh.py made it."""
    spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
    assert spec is not None
    assert spec.loader is not None
    code: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    return any(block.text in content for content in code.figures().values())


@pytest.mark.parametrize("pattern", [*NOT_RUN, *(pattern for pattern, _, _ in SHORTENED)])
def test_every_exception_is_still_needed(pattern: str) -> None:
    commands = [c for page in WITH_CODE for block in blocks(page) if block.is_shell for c in block.commands]
    assert any(re.search(pattern, command) for command in commands)
