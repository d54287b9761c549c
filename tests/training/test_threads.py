"""Threads: the fastest number, kept for as long as a training is gone on with."""

import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from microbotnet.training import loop
from microbotnet.training.loop import TrainingSet, train
from microbotnet.training.recipe import Recipe
from microbotnet.training.threads import fastest_threads, free_to_choose


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("seconds", "most", "found"),
    [
        ({1: 4, 2: 2, 4: 1, 6: 3}, 6, 4),  # many cores: more are not always faster
        ({1: 1, 2: 30}, 2, 1),  # another process is busy
        ({1: 4, 2: 2, 3: 1}, 3, 3),
        ({1: 4, 2: 3.9}, 2, 1),  # nothing gained
        ({1: 1}, 1, 1),
    ],
)
def test_more_threads_are_taken_as_long_as_a_step_gets_faster(
    seconds: dict[int, float], most: int, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, tried = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def step() -> None:
        tried.append(torch.get_num_threads())
        now[0] += seconds[tried[-1]]

    assert fastest_threads(step, most) == torch.get_num_threads() == found
    if most == 2 and seconds[2] > 5 * seconds[1]:
        assert tried.count(2) == 1  # a step 30 times as long is not taken again


def test_who_says_how_many_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    torch.set_num_threads(2)
    assert free_to_choose()
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert not free_to_choose()
    monkeypatch.delenv("OMP_NUM_THREADS")
    torch.set_num_threads(1)
    assert not free_to_choose()


def test_a_training_cut_short_goes_on_with_its_threads(
    noise: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def choose(step: object, most: int) -> int:
        step()  # type: ignore[operator]
        asked.append(most)
        return 1

    monkeypatch.setattr(loop, "free_to_choose", lambda: True)
    monkeypatch.setattr(loop, "fastest_threads", choose)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, 4), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(256, 10)
    )
    before = {key: value.clone() for key, value in model.state_dict().items()}
    recipe = Recipe(epochs=2, batch=32)

    def stopped(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(model, noise, recipe, tmp_path, on_step=stopped)
    with safe_open(tmp_path / "snapshot.safetensors", "pt") as file:  # chosen and kept before the first epoch
        assert all(torch.equal(file.get_tensor(f"model/{key}"), value) for key, value in before.items())
    torch.set_num_threads(2)
    train(model, noise, recipe, tmp_path)
    assert len(asked) == 1
    assert torch.get_num_threads() == 1
