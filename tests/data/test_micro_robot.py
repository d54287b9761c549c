"""The Micro Robot Dataset: from zip and folder the same, every picture in its place, damage seen."""

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from microbotnet import BadInput, Failed, get_combined_iterators, get_outdoor_iterators
from microbotnet.data import micro_robot
from microbotnet.data.micro_robot import FILE, SETS, WNIDS, build_micro_robot, find_micro_robot, load_micro_robot

TOP = "tiny-imagenet-200"
Members = dict[str, bytes]


def jpeg(colour: int | tuple[int, int, int], side: int = 64) -> bytes:
    file = io.BytesIO()
    Image.new("L" if isinstance(colour, int) else "RGB", (side, side), colour).save(file, "JPEG", quality=95)
    return file.getvalue()


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> Members:
    """A Tiny ImageNet of 3 and 2 pictures a class, in shuffled order; picture i of class k has the red 40 i + k."""
    monkeypatch.setattr(micro_robot, "COUNTS", {"train": 3, "test": 2})
    lines, files = ["val_7.JPEG\tn00000001\t0\t0\t9\t9\n"], {f"{TOP}/val/images/val_7.JPEG": jpeg((9, 9, 9))}
    for k, wnid in enumerate(WNIDS.values()):
        for i in (2, 0, 1):
            files[f"{TOP}/train/{wnid}/images/{wnid}_{i}.JPEG"] = jpeg((40 * i + k, 0, 0))
        files[f"{TOP}/train/{wnid}/{wnid}_boxes.txt"] = b""
        for i in (1, 0):
            files[f"{TOP}/val/images/val_{100 * i + k}.JPEG"] = jpeg((40 * i + k, 0, 200))
            lines.append(f"val_{100 * i + k}.JPEG\t{wnid}\t0\t0\t9\t9\n")
    files[f"{TOP}/val/val_annotations.txt"] = "".join(lines).encode()
    return files


def archive(members: Members, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def folder(members: Members, path: Path) -> Path:
    for name, content in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def test_what_a_mac_leaves_in_zip_and_folder_is_passed_over(members: Members, tmp_path: Path) -> None:
    plain = build_micro_robot(archive(members, tmp_path / "plain.zip"), tmp_path).read_bytes()
    beside = {}
    for name in members:
        above, _, last = name.rpartition("/")
        beside |= {f"__MACOSX/{above}/._{last}": b"\0", f"{above}/._{last}": b"\0", f"{above}/.DS_Store": b"\0"}
    beside["__MACOSX/val/val_annotations.txt"] = b""
    both = beside | members
    assert build_micro_robot(archive(both, tmp_path / "mac.zip"), tmp_path).read_bytes() == plain
    assert build_micro_robot(folder(both, tmp_path / "mac"), tmp_path).read_bytes() == plain


def test_zip_and_folders_make_the_same_file(members: Members, tmp_path: Path) -> None:
    above = folder(members, tmp_path / "folder")
    built = [
        build_micro_robot(source, tmp_path / str(i)).read_bytes()
        for i, source in enumerate([archive(members, tmp_path / "t.zip"), above, above / TOP])
    ]
    assert built[0] == built[1] == built[2]
    assert [path.name for path in (tmp_path / "0").iterdir()] == [FILE]


@pytest.mark.parametrize("name", SETS)
def test_every_picture_is_in_its_place(members: Members, tmp_path: Path, name: str) -> None:
    build_micro_robot(archive(members, tmp_path / "t.zip"), tmp_path)
    for split, count, blue in (("train", 3, 0), ("test", 2, 200)):
        pictures, labels = load_micro_robot(name, split, tmp_path)  # type: ignore[arg-type]
        classes = len(SETS[name])
        assert pictures.shape == (count * classes, 3, 64, 64)
        assert pictures.dtype == torch.uint8
        assert labels.tolist() == list(range(classes)) * count
        for n, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
            red = 40 * (n // classes) + list(WNIDS).index(SETS[name][label])
            assert (picture.float().mean((1, 2)) - torch.tensor([red, 0, blue])).abs().max() < 3


def test_the_end_of_combined_is_the_end_of_its_parts(members: Members, tmp_path: Path) -> None:
    """What is held out of `combined` is what is held out of the other sets, in the same share."""
    build_micro_robot(archive(members, tmp_path / "t.zip"), tmp_path)
    every, labels = load_micro_robot("combined", "train", tmp_path)
    for name, classes in SETS.items():
        part, of_part = load_micro_robot(name, "train", tmp_path)
        for k, title in enumerate(classes):
            last = every[-20:][labels[-20:] == list(WNIDS).index(title)]
            assert torch.equal(last, part[-len(classes) :][of_part[-len(classes) :] == k])


def test_grey_pictures_get_three_equal_channels(members: Members, tmp_path: Path) -> None:
    members[f"{TOP}/train/{WNIDS['nail']}/images/{WNIDS['nail']}_1.JPEG"] = jpeg(77)
    build_micro_robot(archive(members, tmp_path / "t.zip"), tmp_path)
    pictures, labels = load_micro_robot("outdoor", "train", tmp_path)
    grey = pictures[labels == SETS["outdoor"].index("nail")][1]
    assert torch.equal(grey, torch.full((3, 64, 64), 77, dtype=torch.uint8))


def _without(wnid: str) -> Callable[[Members], Members]:
    return lambda members: (
        {name: content for name, content in members.items() if wnid not in name}
        | {
            f"{TOP}/val/val_annotations.txt": b"\n".join(
                line for line in members[f"{TOP}/val/val_annotations.txt"].splitlines() if wnid.encode() not in line
            )
        }
    )


def _with(name: str, content: bytes) -> Callable[[Members], Members]:
    return lambda members: members | {name: content}


NAIL = f"{TOP}/train/n03804744/images/n03804744_1.JPEG"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("n12267677"), r"1 of the 20 classes are missing: acorn \(n12267677\)"),
        (lambda m: {k: v for k, v in m.items() if k != NAIL}, r"nail \(n03804744\) has 2 train pictures, not 3"),
        (lambda m: {k: v for k, v in m.items() if not k.endswith("val_103.JPEG")}, "has 1 test pictures, not 2"),
        (lambda m: {k: v for k, v in m.items() if "annotations" not in k}, "val/val_annotations.txt is not in it"),
        (_with(NAIL, b"no picture"), "n03804744_1.JPEG: no JPEG"),
        (_with(NAIL, b"\xff\xd8\xff" + bytes(99) + b"\xff\xd9"), "n03804744_1.JPEG: no readable JPEG"),
        (_with(NAIL, jpeg(5)[:-200]), "n03804744_1.JPEG: cut short"),
        (_with(NAIL, jpeg(5, 1)), "1×1 pixels, not 64×64"),
        (_with(NAIL, b""), "no JPEG, 0 bytes"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_what_is_wrong_is_named_and_nothing_is_written(
    members: Members, tmp_path: Path, change: Callable[[Members], Members], message: str, packed: bool
) -> None:
    changed = change(members)
    source = archive(changed, tmp_path / "t.zip") if packed else folder(changed, tmp_path / "t")
    with pytest.raises(BadInput, match=message):
        build_micro_robot(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../evil.JPEG", "/etc/evil", f"{TOP}/../../evil", "..\\evil", "C:/evil"])
def test_paths_that_climb_out_are_refused(members: Members, tmp_path: Path, name: str) -> None:
    source = archive(members | {name: b"evil"}, tmp_path / "t.zip")
    with pytest.raises(BadInput, match="climbs out of the folder"):
        build_micro_robot(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["t.zip"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_an_archive_cut_short_is_said_so(members: Members, tmp_path: Path, share: float) -> None:
    source = archive(members, tmp_path / "t.zip")
    source.write_bytes(source.read_bytes()[: int(share * source.stat().st_size)])
    with pytest.raises(BadInput, match=r"t\.zip: cut short, or no zip archive"):
        build_micro_robot(source, tmp_path / "out")


def test_changed_bytes_inside_an_archive_are_seen(members: Members, tmp_path: Path) -> None:
    source = archive(members, tmp_path / "t.zip")
    content = bytearray(source.read_bytes())
    with zipfile.ZipFile(source) as file:
        member = file.getinfo(NAIL)
    begin = member.header_offset + 30 + len(NAIL)
    content[begin + 40 : begin + 60] = bytes(20)
    source.write_bytes(content)
    with pytest.raises(BadInput, match=r"n03804744_1\.JPEG: damaged in the archive"):
        build_micro_robot(source, tmp_path / "out")


def test_a_member_that_claims_to_be_huge_is_not_read(members: Members, tmp_path: Path) -> None:
    source = archive(members | {NAIL: bytes(17 << 20)}, tmp_path / "t.zip")
    with pytest.raises(BadInput, match="more than a small picture has"):
        build_micro_robot(source, tmp_path / "out")


def test_no_such_source(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"absent\.zip: no such file or folder"):
        build_micro_robot(tmp_path / "absent.zip", tmp_path)


def test_a_damaged_file_asks_to_be_made_again(members: Members, tmp_path: Path) -> None:
    path = build_micro_robot(archive(members, tmp_path / "t.zip"), tmp_path)
    content = path.read_bytes()
    for damaged in (content[:-9], content[:-9] + bytes(9), content.replace(b'"sha256"', b'"sha257"', 1)[:-9]):
        path.write_bytes(damaged)
        with pytest.raises(BadInput, match="delete it to have it made again"):
            load_micro_robot("outdoor", "train", tmp_path)


def test_an_unknown_set_lists_those_there_are() -> None:
    with pytest.raises(BadInput, match="there are: outdoor, indoor, combined, micro"):
        load_micro_robot("outdor")


@pytest.fixture
def publisher(members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server of the archive; the list of what was asked of it."""
    import hashlib

    body = archive(members, tmp_path / "served.zip").read_bytes()
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(micro_robot, "URL", f"http://127.0.0.1:{server.server_port}/tiny-imagenet-200.zip")
        monkeypatch.setattr(micro_robot, "MD5", hashlib.md5(body).hexdigest())
        yield asked
        server.shutdown()


def test_it_is_fetched_once_and_the_archive_does_not_stay(publisher: list[str], tmp_path: Path) -> None:
    (place := tmp_path / "place").mkdir()
    for _ in range(2):
        assert find_micro_robot(place) == place / FILE
    assert publisher == ["/tiny-imagenet-200.zip"]
    assert {path.name for path in place.iterdir() if not path.name.startswith(".")} == {FILE}


@pytest.mark.parametrize("packed", [True, False])
def test_tiny_imagenet_that_is_there_is_used_and_kept(
    publisher: list[str], members: Members, tmp_path: Path, packed: bool
) -> None:
    (place := tmp_path / "place").mkdir()
    there = archive(members, place / f"{TOP}.zip") if packed else folder(members, place) / TOP
    assert find_micro_robot(place).exists()
    assert there.exists()
    assert publisher == []


def test_no_network_is_one_sentence_that_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(micro_robot, "URL", "http://127.0.0.1:9/tiny-imagenet-200.zip")
    with pytest.raises(Failed, match="cannot be reached; bring tiny-imagenet-200"):
        find_micro_robot(tmp_path)


def test_the_notes_iterators(members: Members, tmp_path: Path) -> None:
    build_micro_robot(archive(members, tmp_path / "t.zip"), tmp_path)
    train, test = get_outdoor_iterators(batch_size=8, size=64, data=tmp_path)
    first, second = list(train), list(train)
    assert (len(train), len(test)) == (4, 3)
    assert [tuple(pictures.shape) for pictures, _ in first] == [(8, 3, 64, 64)] * 3 + [(6, 3, 64, 64)]
    assert {pictures.dtype for pictures, _ in first} == {torch.float32}
    assert {labels.dtype for _, labels in first} == {torch.int64}
    assert sorted(torch.cat([labels for _, labels in first]).tolist()) == sorted([*range(10)] * 3)
    assert not torch.equal(first[0][1], second[0][1]), "every epoch has its own order"
    assert torch.equal(torch.cat([labels for _, labels in test]), torch.arange(10).repeat(2))
    again, _ = get_outdoor_iterators(batch_size=8, size=64, data=tmp_path)
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(first, again, strict=True)), "the seed decides all"
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(test, test, strict=True))
    with pytest.raises(BadInput, match="size must be from 1 to 64"):
        get_outdoor_iterators(size=65, data=tmp_path)


def test_the_iterators_crop_flip_and_normalise(members: Members, tmp_path: Path) -> None:
    for wnid in WNIDS.values():  # left half black, right half white
        image = Image.new("RGB", (64, 64))
        image.paste((255, 255, 255), (32, 0, 64, 64))
        image.save(file := io.BytesIO(), "JPEG", quality=95)
        for i in range(3):
            members[f"{TOP}/train/{wnid}/images/{wnid}_{i}.JPEG"] = file.getvalue()
    build_micro_robot(archive(members, tmp_path / "t.zip"), tmp_path)
    train, _ = get_combined_iterators(batch_size=60, size=32, data=tmp_path)
    (pictures, _), (others, _) = *train, *train
    white = (1 - 0.4914) / 0.2023  # of red
    assert pictures[:, 0].max() == pytest.approx(white, abs=0.02)
    assert pictures[:, 0].min() == pytest.approx(-0.4914 / 0.2023, abs=0.02)
    columns = pictures[:, 0].amax(1) > 0
    lit = columns.sum(1)
    assert set(lit.tolist()) <= set(range(12, 18)), "16 columns of white, cut by up to 4 either way"
    assert len(set(lit.tolist())) > 2
    mirrored = columns[:, :8].any(1)
    assert 10 < mirrored.sum() < 50
    assert mirrored.sum() + (others[:, 0].amax(1)[:, :8] > 0).any(1).sum() == 60, "two epochs show both sides"


def test_the_real_pictures_are_those_of_the_archive(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "tiny-imagenet-200-micro-robot.zip"
    if not source.is_file():
        pytest.skip("Tiny ImageNet's pictures in ../shared/data are not there")
    build_micro_robot(source, tmp_path)
    pictures, labels = load_micro_robot("combined", "test", tmp_path)
    assert pictures.shape == (1000, 3, 64, 64)
    with zipfile.ZipFile(source) as file:
        lines = file.read(f"{TOP}/val/val_annotations.txt").decode().splitlines()
        of_wnid: dict[str, list[int]] = {wnid: [] for wnid in WNIDS.values()}
        for line in lines:
            name, wnid = line.split("\t")[:2]
            of_wnid[wnid].append(int(name.removeprefix("val_").removesuffix(".JPEG")))
        for n in range(0, 1000, 37):
            number = sorted(of_wnid[list(WNIDS.values())[labels[n]]])[n // 20]
            image = Image.open(io.BytesIO(file.read(f"{TOP}/val/images/val_{number}.JPEG"))).convert("RGB")
            assert np.array_equal(np.asarray(image).transpose(2, 0, 1), pictures[n].numpy())
