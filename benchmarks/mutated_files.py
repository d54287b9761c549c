"""Mutated files of every kind that microbotnet reads: refused in one line, or answered as before; no crash, no hang.

    python benchmarks/mutated_files.py --count 100000

A seed says which kind of file, which of its originals, and how it is changed: bits, bytes, numbers and lines changed,
cut, repeated, moved, filled, spliced with another original, nested deep; of files with a digest every other one has
its digest made right again, so that what is behind it is read. Each is opened as commands open it, in a child process
with limits of memory and processor time. Counted as failures: any error but BadInput and Failed, a child that dies, a
file with a digest that is accepted and answers otherwise than its original, and any attempt to start a program, to
connect, to unpickle a name or to write outside the folder. A run that was stopped goes on where it was.
"""

import argparse
import hashlib
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from torch import nn

from microbotnet.atomic import cache_folder
from microbotnet.backends.c import emit
from microbotnet.chip.liberty import load_library
from microbotnet.compress.file import write_compressed
from microbotnet.cost.preset import load_preset
from microbotnet.data import cifar10, micro_robot
from microbotnet.data.fetch import unpack
from microbotnet.data.folder import Listing, list_folder, load_folder
from microbotnet.data.tree import open_tree
from microbotnet.design import load_design
from microbotnet.errors import BadInput, Failed
from microbotnet.importers.imported import Imported
from microbotnet.integer import interpreter
from microbotnet.integer.features import read_features
from microbotnet.integer.file import _checksum, fingerprint, load_program, save_program
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_network, random_pictures, random_program
from microbotnet.mcu.board import load_board
from microbotnet.nets import architecture, create_model
from microbotnet.preprocessing import read_picture
from microbotnet.quant.policy import load_policy
from microbotnet.search.budget import parse_budget
from microbotnet.search.study import JOURNAL, Study
from microbotnet.sources import Given, open_network
from microbotnet.stream.frames import open_frames
from microbotnet.training.checkpoint import data_of, load_checkpoint, save_checkpoint
from microbotnet.training.recipe import load_recipe
from microbotnet.training.snapshot import Progress, load_snapshot, save_snapshot
from microbotnet.training.teacher import Teacher
from tally import RESULTS, Tally

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "microbotnet"
SECONDS, WAIT, MEMORY = 20, 600, 2 << 30  # of processor, of the clock; bytes above what the child has before
AT_ONCE = 10_000  # files a child; to make its originals takes as long as a thousand of them
KEEP = 500  # counts are kept every so many files
ODD = ("-1", "0", "1e999", "nan", "inf", "1e308", str(2**31), str(2**70), '""', "[]", "{}", "true", "null", "[" * 5000)
FORBIDDEN = {"os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "socket.connect",
             "pickle.find_class", "os.startfile", "pty.spawn"}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of file. make: its originals, by name. read: what it answers.

    exact: it has a digest, or checksums of its own. seal: makes its digest right. text: people write it.
    """

    name: str
    make: Callable[[], dict[str, bytes]]
    read: Callable[[Path], Any]
    exact: bool = False
    seal: Callable[[bytes], bytes] | None = None
    text: bool = False


def written(suffix: str, write: Callable[[Path], Any]) -> bytes:
    """What `write` leaves in the file that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        write(path)
        return path.read_bytes()


@cache
def small() -> tuple[nn.Module, dict[str, Any]]:
    arguments = architecture("resnet8", 10) | {"name": "resnet8"}
    torch.manual_seed(0)
    model = create_model(**arguments)
    return model, {"architecture": arguments, "data": data_of(10, (3, 32, 32))}


def checkpoint(part: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        save_checkpoint(path, *small())
        return {"a": path.with_suffix(part).read_bytes()}


def beside(folder: Path, part: str) -> None:
    """The other half of a checkpoint."""
    (folder / f"a{part}").write_bytes(checkpoint(part)["a"])


def weights_of(path: Path) -> Any:
    found = load_checkpoint(path)
    return digest(found.model.state_dict()), found.card["architecture"]


def digest(state: dict[str, Any]) -> str:
    made = hashlib.sha256()
    for name, value in sorted(state.items()):
        made.update(f"{name} {tuple(value.shape)}".encode() + value.detach().numpy().tobytes())
    return made.hexdigest()


def program_of(program: Program) -> Any:
    """Its fingerprint; small ones also have to run, as C and in the interpreter."""
    if sum(int(np.prod(tensor.shape)) for tensor in program.tensors.values()) < 20_000:
        emit(program)
        interpreter.run_all(program, random_pictures(program, 1))
    return fingerprint(program)


def network_of(path: Path) -> Any:
    found = open_network(str(path))
    if isinstance(found, Imported):
        return program_of(found.program)
    return digest(found.model.state_dict())


def programs() -> dict[str, bytes]:
    made = {"p": random_program(8, operators=4), "n": random_network(5, operators=6), "s": random_network(17)}
    return {name: written(".program", lambda path, p=program: save_program(path, p)) for name, program in made.items()}


def sealed_program(content: bytes) -> bytes:
    arrays = load_arrays(content)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    return save_arrays(arrays, header | {"sha256": _checksum(header["program"], arrays)})


def sealed_mbz(content: bytes) -> bytes:
    return content[:4] + hashlib.blake2b(content[20:], digest_size=16).digest() + content[20:]


def compressed() -> dict[str, bytes]:
    model, card = small()
    tensors = {name: value.numpy() for name, value in model.state_dict().items()}
    return {"a": written(".mbz", lambda path: write_compressed(path, tensors, card))}


def pickled() -> dict[str, bytes]:
    state = create_model("resnet8", num_classes=10).state_dict()
    return {
        "zip": written(".pth", lambda path: torch.save(state, path)),
        "wrapped": written(".pth", lambda path: torch.save({"state_dict": state, "epoch": 3}, path)),
    }


def pickled_once() -> dict[str, bytes]:
    """As PyTorch wrote them before 1.6, without checksums."""
    state = create_model("resnet8", num_classes=10).state_dict()
    return {"a": written(".pth", lambda path: torch.save(state, path, _use_new_zipfile_serialization=False))}


def module() -> nn.Module:
    torch.manual_seed(0)
    body = (nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*body, nn.Linear(4, 3)).eval()


def exported() -> dict[str, bytes]:
    found = torch.export.export(module(), (torch.zeros(1, 3, 16, 16),))
    return {"a": written(".pt2", lambda path: torch.export.save(found, path))}


def onnx_floats() -> dict[str, bytes]:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(4, 3, 3, 3)), "b": rng.normal(size=4), "l": rng.normal(size=(3, 4))}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "l"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    return {"a": model.SerializeToString()}


def onnx_integers() -> dict[str, bytes]:
    """By onnxruntime's quantizer, in both its forms."""
    from onnxruntime.quantization import QuantFormat, quantize_static

    class Once:
        def __init__(self) -> None:
            self.left = [{"x": np.random.default_rng(0).normal(size=(8, 3, 16, 16)).astype(np.float32)}]

        def get_next(self) -> Any:
            return self.left.pop() if self.left else None

    def quantized(path: Path, form: Any) -> None:
        given = path.with_suffix(".float")
        given.write_bytes(onnx_floats()["a"])
        quantize_static(given, path, Once(), quant_format=form)

    return {form.name: written(".onnx", lambda path, f=form: quantized(path, f)) for form in QuantFormat}


def tflite() -> dict[str, bytes]:
    sys.path.insert(0, str(ROOT / "tests"))
    from importers.tflite.networks import NETWORKS
    from importers.tflite.written import Net

    found = {}
    for name in sorted(NETWORKS)[::4]:
        net = Net()
        NETWORKS[name](net)
        found[name.replace(" ", "-")] = net.content(None)
    return found


def texts(*places: str) -> Callable[[], dict[str, bytes]]:
    return lambda: {path.stem: path.read_bytes() for place in places for path in sorted(PACKAGE.glob(place))}


def picture(form: str, **options: Any) -> bytes:
    rng, stream = np.random.default_rng(0), io.BytesIO()
    found = Image.fromarray(rng.integers(0, 256, (24, 20, 3), np.uint8).repeat(2, 0))
    (found.convert("P") if form == "GIF" else found).save(stream, form, **options)
    return stream.getvalue()


def pictures() -> dict[str, bytes]:
    forms = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "ICO", "TGA", "PCX", "SGI", "JPEG2000")
    return {form.lower(): picture(form) for form in forms} | {"progressive": picture("JPEG", progressive=True)}


def streams() -> dict[str, bytes]:
    return {"mixed": picture("JPEG") + picture("PNG") + picture("JPEG", progressive=True)}


def from_stream(path: Path) -> Any:
    kept, sys.stdin = sys.stdin, open(path)  # noqa: SIM115
    try:
        return [None if frame.picture is None else frame.picture.tobytes() for frame in open_frames("-")]
    finally:
        sys.stdin.close()
        sys.stdin = kept


MEMBERS = ("set/a.bin", "set/deep/b.bin")


def tars() -> dict[str, bytes]:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for number, name in enumerate(MEMBERS):
            info = tarfile.TarInfo(name)
            content = np.random.default_rng(number).integers(0, 9, 3000, np.uint8).tobytes()
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return {"a": stream.getvalue()}


def unpacked(path: Path) -> Any:
    with tempfile.TemporaryDirectory(dir=path.parent) as to:
        unpack(path, list(MEMBERS), Path(to))
        return [file.read_bytes() for file in sorted(Path(to).rglob("*")) if file.is_file()]


def zips() -> dict[str, bytes]:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(3):
            archive.writestr(f"set/wnids{n}.txt", "n0000\nn0001\n" * 40)
    return {"a": stream.getvalue()}


def listed(path: Path) -> Any:
    with open_tree(path, "wnids0.txt") as tree:
        names = [f"wnids{n}.txt" for n in range(3)]
        return [tree.read(name) for name in names if tree.has(name)]


def cifar() -> dict[str, bytes]:
    """Of eight records, with a digest of its own."""
    return {"a": np.random.default_rng(0).integers(0, 10, 8 * cifar10.RECORD_BYTES, np.uint8).tobytes()}


def from_cifar(path: Path) -> Any:
    name, md5 = "test_batch.bin", hashlib.md5(cifar()["a"]).hexdigest()
    file, content = cifar10.File(name, md5, md5, ()), path.read_bytes()
    home = path.parent / cifar10.FOLDER
    home.mkdir(exist_ok=True)
    (home / name).write_bytes(content)
    with patch.object(cifar10, "RECORDS", 8), patch.dict(cifar10.FILES, {"test": (file,)}):
        pictures, labels = cifar10.load_cifar10(home, "test")
    return pictures.numpy().tobytes(), labels.numpy().tobytes()


FEW = patch.dict(micro_robot.COUNTS, {"train": 2, "test": 1})


def tiny_imagenet() -> dict[str, bytes]:
    """Two training pictures and one test picture a class."""
    stream, rng, lines = io.BytesIO(), np.random.default_rng(0), []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, wnid in enumerate(micro_robot.WNIDS.values()):
            names = [f"train/{wnid}/images/{wnid}_{i}.JPEG" for i in range(2)] + [f"val/images/val_{number}.JPEG"]
            lines.append(f"val_{number}.JPEG\t{wnid}\t0\t0\t9\t9\n")
            for name in names:
                shown = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize((64, 64))
                made = io.BytesIO()
                shown.save(made, "JPEG", quality=40)
                archive.writestr(f"{micro_robot.FOLDER}/{name}", made.getvalue())
        archive.writestr(f"{micro_robot.FOLDER}/val/val_annotations.txt", "".join(lines))
    return {"a": stream.getvalue()}


def micro_robots(folder: Path) -> Any:
    """Of the file in the folder."""
    with FEW:
        parts = [micro_robot.load_micro_robot("combined", split, folder) for split in ("train", "test")]
    return [pictures.numpy().tobytes() for pictures, _ in parts]


def built(path: Path) -> Any:
    with tempfile.TemporaryDirectory(dir=path.parent) as to, FEW:
        micro_robot.build_micro_robot(path, Path(to))
        return micro_robots(Path(to))


def packed_pictures() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder, FEW:
        path = Path(folder) / "a.zip"
        path.write_bytes(tiny_imagenet()["a"])
        return {"a": micro_robot.build_micro_robot(path, Path(folder)).read_bytes()}


def from_packed(path: Path) -> Any:
    with tempfile.TemporaryDirectory(dir=path.parent) as to:
        (Path(to) / micro_robot.FILE).write_bytes(path.read_bytes())
        return micro_robots(Path(to))


def folder_of_pictures(home: Path) -> Listing:
    """Two classes of two; what is there is left."""
    for name in ("a", "b"):
        for number in range(2):
            file = home / name / f"{number}.png"
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(picture("PNG"))
    return list_folder(home)


def kept_pictures() -> dict[str, bytes]:
    listing = folder_of_pictures(Path(tempfile.gettempdir()) / "pictures")
    load_folder(listing, "train", 16)
    return {"a": (cache_folder("folders") / f"{listing.key}-16.safetensors").read_bytes()}


def from_kept(path: Path) -> Any:
    """The pictures themselves are there: damage is mended."""
    listing = folder_of_pictures(Path(tempfile.gettempdir()) / "pictures")
    (cache_folder("folders") / f"{listing.key}-16.safetensors").write_bytes(path.read_bytes())
    return [part.numpy().tobytes() for part in load_folder(listing, "train", 16)]


def from_teacher(path: Path) -> Any:
    with tempfile.TemporaryDirectory(dir=path.parent) as to:
        (Path(to) / "view-0.safetensors").write_bytes(path.read_bytes())
        return teacher(Path(to)).outputs(looked_at, 6, 0).numpy().tobytes()


def teacher(folder: Path) -> Teacher:
    torch.manual_seed(0)
    return Teacher("t", nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), range(3), folder)


def looked_at(index: torch.Tensor) -> torch.Tensor:
    return torch.arange(12 * len(index)).reshape(-1, 3, 2, 2) / 9


def taught() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        teacher(Path(folder)).outputs(looked_at, 6, 0)
        return {"a": (Path(folder) / "view-0.safetensors").read_bytes()}


def trained() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Linear(9, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    model(torch.ones(2, 9)).sum().backward()
    optimizer.step()
    return model, optimizer


def snapshots() -> dict[str, bytes]:
    model, optimizer = trained()
    progress = Progress(1, [{"epoch": 1, "loss": 0.5}], 50.0)
    states = {"model": model.state_dict()}
    return {"a": written(".safetensors", lambda p: save_snapshot(p, {"net": "a"}, progress, states, optimizer))}


def from_snapshot(path: Path) -> Any:
    _, optimizer = trained()
    progress, states = load_snapshot(path, {"net": "a"}, optimizer)
    buffers = [digest(state) for state in optimizer.state.values()]
    return vars(progress), {name: digest(state) for name, state in states.items()}, buffers


BUDGET = parse_budget("macs<=3e6")


def journals() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder), BUDGET, classes=10)
        for top1 in (50.0, None):
            study.tell(study.ask(), top1, 1)
        study.ask()
        return {"a": (Path(folder) / JOURNAL).read_bytes()}


def from_journal(path: Path) -> Any:
    with tempfile.TemporaryDirectory(dir=path.parent) as to:
        (Path(to) / JOURNAL).write_bytes(path.read_bytes())
        return repr(Study(Path(to), BUDGET, classes=10).trained())


LIBRARY = """
library (small) { time_unit : "1ns"; capacitive_load_unit (1, pf); leakage_power_unit : "1nW"; voltage_unit : "1V";
  nom_voltage : 1.0;
  lu_table_template (t) { variable_1 : total_output_net_capacitance; index_1 ("0.001, 0.003"); }
  cell (NOT) { area : 2; cell_leakage_power : 5; pin (A) { direction : input; capacitance : 0.002; }
    pin (Y) { direction : output; function : "A'"; } }
  cell (NAND) { area : 3; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A B)"; } }
  cell (FLOP) { area : 9; ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin (D) { direction : input; } pin (C) { direction : input; clock : true; }
    pin (Q) { direction : output; function : "IQ"; } } }
"""


def videos() -> dict[str, bytes]:
    """Six frames each."""
    import av

    def filmed(path: Path, codec: str, pixels: str) -> None:
        rng = np.random.default_rng(0)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 48, 32, pixels
            for _ in range(6):
                shown = rng.integers(0, 256, (4, 6, 3), np.uint8).repeat(8, 0).repeat(8, 1)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, "rgb24")))
            container.mux(stream.encode())

    forms = {"avi": ("mjpeg", "yuvj420p"), "mp4": ("mpeg4", "yuv420p"), "mkv": ("ffv1", "yuv420p")}
    return {form: written(f".{form}", lambda path, of=of: filmed(path, *of)) for form, of in forms.items()}


def from_video(path: Path) -> Any:
    shown = islice(open_frames(str(path)), 100)
    return [frame.error or digest_of(frame.picture) for frame in shown]


def digest_of(pixels: Any) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


FEATURES = random_network(2)


def features() -> dict[str, bytes]:
    x = FEATURES.tensors[FEATURES.input]
    values = np.zeros((3, *x.shape), x.dtype)
    return {"a": written(".npy", lambda path: np.save(path, values))}


KINDS = {
    ".safetensors": Kind("weights (.safetensors)", lambda: checkpoint(".safetensors"), weights_of, exact=True),
    ".json": Kind(
        "cards (.json)", lambda: checkpoint(".json"), lambda p: weights_of(p.with_suffix(".safetensors")), text=True
    ),
    ".mbz": Kind("compressed checkpoints (.mbz)", compressed, weights_of, exact=True, seal=sealed_mbz),
    ".pth": Kind("state dicts of PyTorch (.pth)", pickled, weights_of, exact=True),
    ".old.pth": Kind("old state dicts of PyTorch", pickled_once, weights_of),
    ".program": Kind("programs", programs, lambda p: program_of(load_program(p)), exact=True, seal=sealed_program),
    ".onnx": Kind("ONNX of floats", onnx_floats, network_of),
    ".int.onnx": Kind("ONNX of integers", onnx_integers, network_of),
    ".tflite": Kind("TensorFlow Lite", tflite, network_of),
    ".pt2": Kind("exported programs (.pt2)", exported, network_of),
    ".recipe.toml": Kind("recipes", texts("training/recipes/*.toml"), lambda p: vars(load_recipe(str(p))), text=True),
    ".policy.toml": Kind("policies", texts("quant/policies/*.toml"), lambda p: load_policy(str(p)), text=True),
    ".preset.toml": Kind("energy presets", texts("cost/presets/*.toml"), lambda p: load_preset(str(p)), text=True),
    ".design.toml": Kind("designs", texts("design/designs/*.toml"), lambda p: load_design(str(p)), text=True),
    ".board.toml": Kind("boards", texts("mcu/boards/*.toml"), lambda p: load_board(str(p)), text=True),
    ".picture": Kind("pictures", pictures, lambda p: read_picture(p).tobytes()),
    ".stream": Kind("streams of pictures", streams, from_stream),
    ".tar.gz": Kind("archives (.tar.gz)", tars, unpacked),
    ".zip": Kind("archives (.zip)", zips, listed),
    ".cifar.bin": Kind("files of CIFAR-10", cifar, from_cifar, exact=True),
    ".tiny.zip": Kind("Micro Robot archives (.zip)", tiny_imagenet, built, exact=True),
    ".micro.safetensors": Kind("Micro Robot pictures (.safetensors)", packed_pictures, from_packed, exact=True),
    ".folder.safetensors": Kind("kept pictures of a folder", kept_pictures, from_kept, exact=True),
    ".teacher.safetensors": Kind("kept outputs of a teacher", taught, from_teacher, exact=True),
    ".snapshot.safetensors": Kind("snapshots of a training", snapshots, from_snapshot, exact=True),
    ".journal.jsonl": Kind("journals of a search", journals, from_journal, text=True),
    ".labels.txt": Kind(
        "lists of labels", lambda: {"a": "cat\ndog\nKätzchen\n".encode()}, lambda p: Given.of(labels=str(p)), text=True
    ),
    ".lib": Kind("Liberty files", lambda: {"a": LIBRARY.encode()}, lambda p: repr(load_library(p).cells), text=True),
    ".video": Kind("videos", videos, from_video),
    ".npy": Kind("features (.npy)", features, lambda p: read_features(p, FEATURES).tobytes()),
}
SLOW = {
    ".pt2": 40,
    ".safetensors": 2,
    ".mbz": 3,
    ".pth": 4,
    ".old.pth": 4,
    ".json": 2,
    ".onnx": 2,
    ".tiny.zip": 3,
    ".micro.safetensors": 3,
}
"""What is opened in one of so many rounds."""


def kind_of(seed: int) -> str:
    """By turns; what is slow not in every round."""
    names = list(KINDS)
    turn, place = divmod(seed, len(names))
    name = names[place]
    return name if turn % SLOW.get(name, 1) == 0 else (".picture", ".program", ".policy.toml")[turn % 3]


def mutated(content: bytes, other: bytes, rng: np.random.Generator, *, text: bool) -> bytes:
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        content = changed_text(content, rng) if text and rng.random() < 0.6 else changed(content, other, rng)
    return content


def changed(content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    size = len(content)
    if not size:
        return bytes(rng.integers(0, 256, 9, np.uint8))
    near_an_end = rng.random() < 0.4  # where headers are
    at = int(min(rng.integers(0, 400), size - 1)) if near_an_end else int(rng.integers(0, size))
    at = size - 1 - at if near_an_end and rng.random() < 0.3 else at
    span = int(min(2 ** rng.uniform(0, 9), size - at))
    drawn = rng.integers(0, 256, span, np.uint8).tobytes()
    match int(rng.integers(10)):
        case 0 | 1:
            return content[:at] + bytes([content[at] ^ 1 << int(rng.integers(8))]) + content[at + 1 :]
        case 2:
            return content[:at] + drawn + content[at + span :]
        case 3:
            return content[:at]
        case 4:
            return content[:at] + content[at + span :]
        case 5:
            return content[:at] + content[at : at + span] * int(rng.integers(2, 5)) + content[at + span :]
        case 6:
            return content[:at] + drawn + content[at:]
        case 7:
            return content[:at] + bytes([int(rng.choice([0, 255]))]) * span + content[at + span :]
        case 8:
            start = int(rng.integers(0, max(1, len(other))))
            return content[:at] + other[start : start + span] + content[at + span :]
        case _:
            number = int(rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 0x7FFF, size]))
            width = int(rng.choice([2, 4, 8]))
            return content[:at] + (number % 256**width).to_bytes(width, "little") + content[at + width :]


def changed_text(content: bytes, rng: np.random.Generator) -> bytes:
    lines = content.split(b"\n")
    at = int(rng.integers(len(lines)))
    numbers = list(re.finditer(rb"-?\d[\d.e_-]*|\"[^\"\n]*\"|true|false", content))
    match int(rng.integers(6)):
        case 0 | 1 | 2 if numbers:
            found = numbers[int(rng.integers(len(numbers)))]
            return content[: found.start()] + str(rng.choice(ODD)).encode() + content[found.end() :]
        case 3:
            return b"\n".join(lines[:at] + lines[at + 1 :])
        case 4:
            return b"\n".join(lines[:at] + [lines[at]] * 2 + lines[at + 1 :])
        case _:
            other = int(rng.integers(len(lines)))
            lines[at], lines[other] = lines[other], lines[at]
            return b"\n".join(lines)


class Reader:
    """Opens mutants, and sees what they try."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.armed, self.seen = folder, False, ""
        beside(folder, ".json"), beside(folder, ".safetensors")
        self.originals = {suffix: kind.make() for suffix, kind in KINDS.items()}
        self.answers: dict[tuple[str, str], Any] = {}
        for suffix, originals in self.originals.items():
            for name, content in originals.items():
                self.answers[suffix, name] = self.read(suffix, content)
                if isinstance(self.answers[suffix, name], str) and self.answers[suffix, name].startswith("no: "):
                    raise SystemExit(f"{suffix} {name}: the original itself: {self.answers[suffix, name]}")
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event in FORBIDDEN:
            self.seen = f"{event} {arguments[:1]}"
        elif event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            path = os.path.abspath(arguments[0])
            if not path.startswith((str(self.folder), os.devnull)):
                self.seen = f"wrote {arguments[0]}"

    def read(self, suffix: str, content: bytes) -> Any:
        path = self.folder / f"a{suffix}"
        kept = path.read_bytes() if path.exists() else None
        path.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return KINDS[suffix].read(path)
        except (BadInput, Failed) as error:
            return f"no: {error}"
        finally:
            if kept is not None and suffix in (".json", ".safetensors"):
                path.write_bytes(kept)

    def outcome(self, seed: int) -> str:
        """A word; one that begins with "!" is a failure."""
        suffix, rng = kind_of(seed), np.random.default_rng(seed)
        kind, names = KINDS[suffix], list(self.originals[suffix])
        name, other = (names[int(rng.integers(len(names)))] for _ in "ab")
        content = self.originals[suffix][name]
        made = mutated(content, self.originals[suffix][other], rng, text=kind.text)
        sealed = kind.seal is not None and rng.random() < 0.5
        if sealed and kind.seal is not None:
            try:
                made = kind.seal(made)
            except Exception:  # nothing that could have a digest
                sealed = False
        if made == content:
            return "unchanged"
        self.armed, self.seen = True, ""
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.setitimer(signal.ITIMER_REAL, WAIT)
        try:
            found = self.read(suffix, made)
        except Exception as error:
            return f"!{type(error).__name__}: {str(error)[:200]}"
        finally:
            self.armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self.seen:
            return f"!{self.seen}"
        if isinstance(found, str) and found.startswith("no: "):
            return "refused" if "\n" not in found else "!a message of several lines"
        if kind.exact and not sealed and repr(found) != repr(self.answers[suffix, name]):
            return "!accepted, and answers otherwise"
        return "accepted"


def child(first: int, last: int) -> None:
    """Seeds first … last − 1; a line of each."""
    torch.set_num_threads(1)
    says = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        reader = Reader(Path(folder))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        for seed in range(first, last):
            print(seed, " ".join(reader.outcome(seed).split()), file=says, flush=True)


def gone_through(first: int, last: int) -> Iterator[tuple[int, str]]:
    """What children say of the seeds, as they say it; where one dies, that is said of the seed, and another goes on."""
    while first < last:
        begun, until = first, min(first + AT_ONCE, last)
        words = [sys.executable, __file__, "--child", str(first), str(until)]
        with tempfile.TemporaryFile("w+") as wrong:
            with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=wrong, text=True) as running:
                assert running.stdout is not None
                for line in running.stdout:
                    seed, _, said = line.partition(" ")
                    first = int(seed) + 1
                    yield int(seed), said.strip()
            wrong.seek(0)
            if running.returncode > 0 and first == begun:
                raise SystemExit(wrong.read()[-2000:])
        if running.returncode and first < until:
            hung = -running.returncode in (signal.SIGPROF, signal.SIGALRM)
            yield first, "!hung" if hung else f"!the process ended with {running.returncode}"
            first += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="files in all, those of earlier runs counted in")
    parser.add_argument("--out", type=Path, default=RESULTS / "mutated-files.json")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return 0
    tally = Tally(options.out, "python benchmarks/mutated_files.py --count 100000")
    for seed, said in gone_through(tally.next, options.count):
        kind = KINDS[kind_of(seed)]
        tally.count("files")
        tally.count(kind.name)
        tally.count("of these " + ("failed" if said.startswith("!") else said))
        if said.startswith("!"):
            tally.fail(f"{kind.name}, seed {seed}: {said[1:]}")
        if (seed + 1) % KEEP == 0 or seed + 1 == options.count:
            tally.keep(seed + 1)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
