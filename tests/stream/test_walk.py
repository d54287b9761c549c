"""The synthetic walk: deterministic, and what its parameters say is what is in the frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microbotnet.errors import BadInput
from microbotnet.stream.walk import GROUNDS, Walk, angles_of, approach, circle, streams

STILL = {"drift": 0.0, "rock": 0.0, "blur": 0.0, "exposure": 0.0, "vignette": 0.0, "shot_noise": 0.0, "read_noise": 0.0}
RED = np.broadcast_to(np.reshape([255, 0, 0], (3, 1, 1)), (3, 64, 64)).astype(np.uint8)


def red(frame: np.ndarray) -> np.ndarray:
    """Where the red card is: pixels that are no ground, all of which has green."""
    return (frame[0] > 180) & (frame[1] < 25)


@given(st.integers(0, 99), st.integers(0, 7), st.sampled_from([8, 32, 33]))
@settings(max_examples=10)
def test_seed_picture_and_number_decide_every_pixel(seed: int, number: int, size: int) -> None:
    walk = Walk(seed=seed, steps=2)
    frames = approach(RED, walk, number, size, key=5)
    assert frames.shape == (2, 3, size, size)
    assert frames.dtype == np.uint8
    assert (frames == approach(RED, walk, number, size, key=5)).all()
    assert (frames != approach(RED, walk, number, size, key=6)).any()
    assert (frames != approach(RED, Walk(seed=seed + 1, steps=2), number, size, key=5)).any()


def test_the_object_grows_from_far_to_near_in_equal_ratios() -> None:
    walk = Walk(far=0.25, near=1.0, steps=5, turn=0, **STILL)
    frames = approach(RED, walk, 0, 64)
    widths = [red(frame).any(0).sum() / 64 for frame in frames]
    assert widths == pytest.approx(np.geomspace(0.25, 1, 5) * 0.9, rel=0.12)  # a tenth goes into the soft edge


def test_a_still_camera_sees_the_photograph() -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (3, 8, 8)).repeat(8, 1).repeat(8, 2).astype(np.uint8)
    frame = circle(photograph, Walk(near=1.0, angles=1, **STILL), 64)[0]
    inside = slice(10, 54)
    assert np.abs(frame[:, inside, inside].astype(int) - photograph[:, inside, inside]).mean() < 6


def test_the_turn_narrows_the_card_as_a_card() -> None:
    walk = Walk(angles=5, turn=60, near=0.6, **STILL)
    assert angles_of(walk).tolist() == [-60, -30, 0, 30, 60]
    widths = [red(frame).any(0).sum() for frame in circle(RED, walk, 96)]
    straight = widths[2]
    for width, angle in zip(widths, angles_of(walk), strict=True):
        share = np.cos(np.radians(angle)) / (1 - (np.sin(np.radians(angle)) / 3) ** 2)
        assert width / straight == pytest.approx(share, abs=0.08)


def test_noise_is_as_strong_as_said() -> None:
    white = np.full((3, 64, 64), 200, np.uint8)
    quiet = STILL | {"read_noise": 0.02, "shot_noise": 0.05}
    frames = circle(white, Walk(near=2.0, angles=20, turn=0, **quiet), 32)[:, :, 8:24, 8:24]
    expected = 255 * np.hypot(0.02, 0.05 * np.sqrt(200 / 255))
    assert frames.std(0).mean() == pytest.approx(expected, rel=0.1)


def test_motion_blur_softens() -> None:
    stripes = np.zeros((3, 64, 64), np.uint8)
    stripes[:, :, ::8] = 255
    sharp, soft = (
        circle(stripes, Walk(turn=0, **(STILL | {"blur": blur})), 32)[:, :, 8:24, 8:24].std(axis=(1, 2, 3)).mean()
        for blur in (0.0, 6.0)
    )
    assert soft < 0.8 * sharp


def test_each_approach_has_its_ground() -> None:
    walk = Walk(approaches=8, steps=1, far=0.05, near=0.05, **STILL)
    colours = [approach(RED, walk, number, 32)[0].mean((1, 2)) for number in range(8)]
    for ground, colour in zip(GROUNDS, colours, strict=True):
        middle = (np.array(ground.dark) + ground.light) / 2
        nearest = min(GROUNDS, key=lambda g: np.abs((np.array(g.dark) + g.light) / 2 - colour).sum())
        assert np.abs(colour - middle).max() < 45, (ground.name, nearest.name)
    assert [len(stream) for stream in streams(RED, Walk(approaches=2, steps=3, angles=4))] == [3, 3, 4]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"steps": 0}, "steps: 0"),
        ({"far": 0.9, "near": 0.5}, "far 0.9 and near 0.5"),
        ({"turn": 85.0}, "turn: 85"),
        ({"read_noise": -1.0}, "read_noise: -1"),
        ({"seed": -1}, "seed: -1"),
        ({"blur": float("nan")}, "blur: nan"),
    ],
)
def test_impossible_walks_are_refused(wrong: dict[str, float], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        Walk(**wrong)


def test_one_pixel_can_be_walked_up_to() -> None:
    assert approach(np.full((3, 1, 1), 9, np.uint8), Walk(steps=1), 0, 16).shape == (1, 3, 16, 16)
