"""Any folder of pictures: layouts, a split that stays, decoded once, and what is refused."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from microbotnet import BadInput
from microbotnet.classify import classify
from microbotnet.data import folder as module
from microbotnet.data.folder import list_folder, load_folder
from microbotnet.data.sample import sample_pictures
from microbotnet.stream.frames import open_frames


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache"))
    return tmp_path / "cache" / "folders"


def put(path: Path, red: int, side: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (red, 0, 0)).save(path)


def filled(root: Path, counts: dict[str, int], first: int = 0) -> Path:
    for name, count in counts.items():
        for i in range(count):
            put(root / name / f"{i:03}.png", first + i)
    return root


def test_train_and_test_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    for test in ("test", "val"):
        place = tmp_path / test
        filled(place / "train", {"cup": 3, "ant": 2}), filled(place / test, {"cup": 1, "ant": 2}, first=100)
        listing = list_folder(place)
        assert listing.classes == ("ant", "cup")
        assert sorted(listing.files["test"]) == [f"{test}/ant/000.png", f"{test}/ant/001.png", f"{test}/cup/000.png"]
        pictures, labels = load_folder(listing, "test", 16)
        assert pictures.shape == (3, 3, 16, 16)
        assert (pictures.dtype, labels.dtype) == (torch.uint8, torch.int64)
        reds = sorted(zip(labels.tolist(), pictures[:, 0, 5, 5].tolist(), strict=True))
        assert reds == [(0, 100), (0, 101), (1, 100)]


@settings(max_examples=40)
@given(
    st.lists(st.integers(2, 40), min_size=2, max_size=5),
    st.floats(0.01, 0.6),
    st.randoms(use_true_random=False),
)
def test_a_split_takes_its_share_of_each_class_and_no_picture_twice(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], share: float, random: object
) -> None:
    root = tmp_path_factory.mktemp("pictures")
    for k, count in enumerate(counts):
        for i in range(count):
            (root / f"c{k}").mkdir(exist_ok=True)
            (root / f"c{k}" / f"{i}.jpg").touch()
    wanted = [min(max(1, round(share * count)), count - 1) for count in counts]
    listing = list_folder(root, share)
    train, test = set(listing.files["train"]), set(listing.files["test"])
    assert not train & test
    assert len(train) + len(test) == sum(counts)
    assert [listing.labels["test"].count(k) for k in range(len(counts))] == wanted
    assert all(f"c{k}/" in name for name, k in zip(listing.files["train"], listing.labels["train"], strict=True))
    assert list_folder(root, share) == listing
    half = listing.labels["train"][len(train) // 2 :]
    for k, (take, count) in enumerate(zip(wanted, counts, strict=True)):
        assert abs(half.count(k) - (count - take) / 2) <= 1, "classes take turns"


def test_a_split_does_not_hang_on_where_the_folder_is(tmp_path: Path) -> None:
    here, there = (filled(tmp_path / name, {"ant": 30, "cup": 20}) for name in ("here", "there"))
    assert list_folder(here, 0.3).files == list_folder(there, 0.3).files
    assert len(list_folder(here).files["test"]) == 5


def test_pictures_are_decoded_once_until_something_changes(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = filled(tmp_path / "set", {"ant": 3, "cup": 3})
    read: list[str] = []
    real = module.read_picture

    def counted(file: Path, size: int) -> np.ndarray:
        read.append(file.name)
        return real(file, size)

    monkeypatch.setattr(module, "read_picture", counted)
    first = [load_folder(list_folder(root), split, 8)[0].max() for split in ("train", "test")]
    load_folder(list_folder(root, 0.6), "train", 8)
    assert len(read) == 6
    assert len(list(cache.iterdir())) == 1, "every picture once, whatever the split"
    put(root / "ant" / "001.png", 200)
    os.utime(root / "ant" / "001.png", ns=(1, 1))
    changed = [load_folder(list_folder(root), split, 8)[0].max() for split in ("train", "test")]
    assert len(read) == 12
    assert (max(first), max(changed)) == (2, 200)


def test_a_damaged_cache_is_made_again(tmp_path: Path, cache: Path) -> None:
    listing = list_folder(filled(tmp_path / "set", {"ant": 3, "cup": 3}))
    first, _ = load_folder(listing, "train", 8)
    (file,) = cache.iterdir()
    content = file.read_bytes()
    for damaged in (content[:-5], content[:-5] + b"apple", content.replace(b"pictures", b"picturez")):
        file.write_bytes(damaged)
        assert torch.equal(load_folder(listing, "train", 8)[0], first)
        assert file.read_bytes() == content


def test_one_pixel_greys_and_folders_below_are_pictures_too(tmp_path: Path) -> None:
    root = filled(tmp_path / "set", {"ant": 2, "cup": 2})
    put(root / "ant" / "monday" / "9.png", 250, side=1)
    Image.new("L", (3, 3), 99).save(root / "cup" / "grey.jpg")
    (root / "cup" / "notes.txt").write_text("no picture")
    (root / ".hidden").mkdir()
    listing = list_folder(root)
    every = [file for files in listing.files.values() for file in files]
    assert {"ant/monday/9.png", "cup/grey.jpg"} < set(every)
    assert len(every) == 6
    pictures = torch.cat([load_folder(listing, split, 8)[0] for split in ("train", "test")])  # type: ignore[arg-type]
    assert (pictures[every.index("ant/monday/9.png"), 0] == 250).all()
    assert (pictures[every.index("cup/grey.jpg")] == 99).all()


LEFT_BEHIND = ("._000.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints/000-checkpoint.png",
               "__MACOSX/._000.png", "__MACOSX/001.png", "@eaDir/000.png/SYNOPHOTO_THUMB_M.jpg")  # fmt: skip


def test_what_systems_leave_beside_pictures_is_passed_over(tmp_path: Path) -> None:
    root = filled(tmp_path / ".pictures" / "set", {"ant": 3, "cup": 3})
    bare = list_folder(root)
    for place in (root, root / "ant", root / "cup"):
        for name in LEFT_BEHIND:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(b"\0\5\x16\7 no picture")
    assert list_folder(root) == bare
    assert len(sample_pictures(str(root), 8, 99)) == 6
    assert [frame.name for frame in open_frames(str(root / "ant"), 8)] == ["000.png", "001.png", "002.png"]
    answers = classify([str(root / "ant")], lambda pictures: np.ones((len(pictures), 2), np.float32), "ab", size=8)
    assert [Path(answer.file).name for answer in answers if not answer.error] == ["000.png", "001.png", "002.png"]


def test_the_only_picture_of_a_class_is_trained_with(tmp_path: Path) -> None:
    root = filled(tmp_path / "set", {"ant": 5, "bee": 1, "cup": 1})
    with pytest.warns(UserWarning, match="class 'bee' and 1 more: one picture only"):
        listing = list_folder(root, 0.4)
    assert [sorted(listing.labels[split]) for split in ("train", "test")] == [[0, 0, 0, 1, 2], [0, 0]]


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no class folders; a set of pictures has a folder for each class"):
        list_folder(tmp_path)
    root = filled(tmp_path / "set", {"ant": 3})
    with pytest.raises(BadInput, match="only one class folder, 'ant'"):
        list_folder(root)
    (root / "cup").mkdir()
    with pytest.raises(BadInput, match="set/cup: an empty class folder"):
        list_folder(root)
    filled(tmp_path / "lonely", {"ant": 1, "cup": 1})
    with pytest.raises(BadInput, match="lonely: one picture a class leaves none to test with"):
        list_folder(tmp_path / "lonely")
    filled(root, {"cup": 1})
    with pytest.raises(BadInput, match="between 0 and 1, not 1"):
        list_folder(root, 1.0)
    filled(root / "train", {"ant": 3, "cup": 3}), filled(root / "test", {"ant": 1, "mug": 1})
    with pytest.raises(BadInput, match="class 'cup' is not both in train/ and test/"):
        list_folder(root)
    filled(root / "test", {"cup": 1}), (root / "test" / "mug" / "000.png").unlink(), (root / "test" / "mug").rmdir()
    with pytest.raises(BadInput, match="leave out the split"):
        list_folder(root, 0.2)


def test_unreadable_pictures_are_counted_and_nothing_is_kept(tmp_path: Path, cache: Path) -> None:
    root = filled(tmp_path / "set", {"ant": 3, "cup": 3})
    (root / "ant" / "bad.jpg").write_bytes(b"no picture")
    Image.new("RGB", (64, 64)).save(file := io.BytesIO(), "JPEG")
    (root / "cup" / "cut.jpg").write_bytes(file.getvalue()[:300])
    with pytest.raises(BadInput, match=r"ant/bad\.jpg: not a picture in a known format.*\(and 1 more files\)"):
        load_folder(list_folder(root), "train", 8)
    assert not list(cache.rglob("*"))
