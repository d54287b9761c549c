"""A synthetic walk of a micro-robot up to an object, made from one photograph of it.

The photograph becomes a flat card, feathered into a procedural ground, that grows from far to near; near, it is turned
about its upright axis. Each frame passes a model of a millimetre-sized camera: motion blur, vignetting, unsteady
exposure, shot noise and read noise, few pixels. A card is no object: its other sides are never seen, it throws no
shadow, and the ground is painted. What is measured on such walks compares rules and networks; it is no field test.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import BadInput
from ..preprocessing import Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

Canvas = np.ndarray[Any, np.dtype[np.float32]]

NOTE = (
    "The walk is synthetic: one photograph, as a flat card on a painted ground, seen through a modelled camera. "
    "It compares rules and networks; it is no field test."
)


@dataclass(frozen=True)
class Walk:
    """How the robot walks and what its camera does to the picture."""

    approaches: int = 8
    """Walks up to the object, each over another ground and from another side."""
    steps: int = 12
    """Frames of an approach."""
    angles: int = 16
    """Frames of the turn in front of the object."""
    far: float = 0.3
    """Side of the object at the first step, as a share of the frame's."""
    near: float = 1.1
    """The same at the last step, and during the turn."""
    turn: float = 60.0
    """Degrees that the card is turned to either side; approaches begin anywhere within half of it."""
    rock: float = 6.0
    """Degrees that the gait tilts the camera, standard deviation."""
    drift: float = 0.06
    """How far the object strays from the middle, standard deviation, as a share of the frame's side."""
    blur: float = 1.2
    """Length of the motion blur in the camera's pixels, mean."""
    exposure: float = 0.12
    """Spread of the exposure from frame to frame, standard deviation of its logarithm."""
    vignette: float = 0.25
    """How much darker the corners are."""
    shot_noise: float = 0.03
    """Standard deviation at white, on the scale 0…1; it grows with the root of the light."""
    read_noise: float = 0.015
    """Standard deviation in the dark, on the scale 0…1."""
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 1 if field.name in ("approaches", "steps", "angles") else 0
            if not least <= value < 10_000:
                raise BadInput(f"{field.name}: {value} is out of range; at least {least}")
        if not 0.05 <= self.far <= self.near <= 2:
            raise BadInput(f"far {self.far:g} and near {self.near:g}: 0.05 ≤ far ≤ near ≤ 2 is needed")
        if not self.turn < 85:
            raise BadInput(f"turn: {self.turn:g} degrees; a card cannot be turned by 85 or more")


@dataclass(frozen=True)
class Ground:
    """A painted ground: from one colour to another, by noise of this grain; `stretch` draws it out level."""

    name: str
    dark: tuple[int, int, int]
    light: tuple[int, int, int]
    grain: int
    stretch: int = 1


GROUNDS = (
    Ground("leaves", (58, 40, 24), (168, 118, 62), 7),
    Ground("grass", (26, 54, 18), (126, 160, 72), 14),
    Ground("sand", (150, 124, 88), (222, 202, 164), 24),
    Ground("stone", (86, 88, 92), (176, 176, 172), 10),
    Ground("bark", (44, 34, 28), (128, 100, 78), 12, 5),
    Ground("moss", (38, 46, 20), (122, 130, 46), 9),
    Ground("snow", (172, 182, 198), (244, 246, 250), 6),
    Ground("boards", (96, 64, 36), (190, 146, 98), 16, 8),
)

DETAIL = 2  # a frame is painted with so many times the camera's pixels a side


def approach(picture: Pixels, walk: Walk, number: int, size: int = 32, key: int = 0) -> Pixels:
    """The frames of one approach, from far to near, uint8, steps×3×size×size.

    Args:
        picture: of the object, uint8, 3×H×H.
        walk: how.
        number: which of the approaches; it chooses ground, side and path.
        size: side of the frames in pixels.
        key: which picture; with `walk.seed` and `number` it decides everything random.
    """
    random = np.random.default_rng((walk.seed, key, 1 + number))
    side = (2 * (number + 0.5) / walk.approaches - 1) * walk.turn / 2
    sizes = np.geomspace(walk.far, walk.near, walk.steps)
    straight = 1 - np.arange(walk.steps) / max(walk.steps - 1, 1)  # the path bends: far off it sees more of a side
    return _frames(picture, walk, random, GROUNDS[number % len(GROUNDS)], sizes, side * (0.5 + straight / 2), size)


def circle(picture: Pixels, walk: Walk, size: int = 32, key: int = 0) -> Pixels:
    """The frames of the turn in front of the object, uint8, angles×3×size×size; see `approach`."""
    random = np.random.default_rng((walk.seed, key, 0))
    ground = GROUNDS[int(random.integers(len(GROUNDS)))]
    return _frames(picture, walk, random, ground, np.full(walk.angles, walk.near), angles_of(walk), size)


def angles_of(walk: Walk) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The angles of the turn in degrees, evenly from one side to the other."""
    return np.linspace(-walk.turn, walk.turn, walk.angles) if walk.angles > 1 else np.zeros(1)


def _frames(
    picture: Pixels,
    walk: Walk,
    random: np.random.Generator,
    ground: Ground,
    sizes: Any,
    turns: Any,
    size: int,
) -> Pixels:
    card, painted = _card(picture), _paint(ground, random, 4 * DETAIL * size)
    shade = _vignette(walk.vignette, size)
    path = random.normal(0, walk.drift, 2)  # both stray slowly: each frame's place is near that of the one before
    frames = []
    for scale, turn in zip(sizes, turns, strict=True):
        path = 0.7 * path + 0.7 * random.normal(0, walk.drift, 2)
        roll = random.normal(0, walk.rock)
        scene = _behind(painted, scale, path, DETAIL * size)
        _lay(scene, card, float(scale), float(turn), float(roll), path)
        scene = _blurred(scene, random.exponential(walk.blur) * DETAIL, random.uniform(0, np.pi))
        light = scene.reshape(size, DETAIL, size, DETAIL, 3).mean((1, 3))
        light = (light * shade * np.exp(random.normal(0, walk.exposure))).clip(0, 1)
        noise = np.sqrt(walk.read_noise**2 + walk.shot_noise**2 * light) * random.standard_normal(light.shape)
        frames.append(np.rint((light + noise).clip(0, 1) * 255).astype(np.uint8).transpose(2, 0, 1))
    return np.stack(frames)


def _card(picture: Pixels) -> "Image":
    """The picture with a soft edge: opaque inside, clear at the border of a rounded square."""
    from PIL import Image

    pixels = picture.transpose(1, 2, 0)
    across = np.abs((np.arange(pixels.shape[0]) + 0.5) / pixels.shape[0] * 2 - 1)
    radius = (across[:, None] ** 6 + across**6) ** (1 / 6)
    edge = ((1 - radius) / 0.14).clip(0, 1)
    alpha = np.rint(255 * edge * edge * (3 - 2 * edge)).astype(np.uint8)
    return Image.fromarray(np.dstack([pixels, alpha]))


def _paint(ground: Ground, random: np.random.Generator, side: int) -> "Image":
    """A ground of side×side pixels: four octaves of value noise between its two colours."""
    from PIL import Image

    height = np.zeros((side, side), np.float32)
    for octave in range(4):
        cells = max(2, ground.grain << octave)
        grid = random.random((cells, max(2, cells // ground.stretch)), np.float32)
        height += np.asarray(Image.fromarray(grid).resize((side, side), Image.Resampling.BICUBIC)) / 2**octave
    height = ((height - height.mean()) / (4 * height.std()) + 0.5).clip(0, 1)[..., None]
    dark, light = np.array(ground.dark, np.float32), np.array(ground.light, np.float32)
    tint = random.normal(1, 0.06, 3).astype(np.float32)
    return Image.fromarray(np.rint((dark + height * (light - dark)) * tint).clip(0, 255).astype(np.uint8))


def _behind(painted: "Image", scale: float, path: Any, side: int) -> Canvas:
    """The part of the ground in the frame, 0…1, side×side×3: it, too, comes nearer."""
    from PIL import Image

    wide = painted.width * (0.75 - 0.3 * min(float(scale), 1.5))
    left, top = (np.clip((0.5 - 0.3 * at) * painted.width - wide / 2, 0, painted.width - wide) for at in path)
    box = (float(left), float(top), float(left + wide), float(top + wide))
    cut = painted.resize((side, side), Image.Resampling.BILINEAR, box)
    return np.asarray(cut, np.float32) / np.float32(255)


def _lay(scene: Canvas, card: "Image", scale: float, turn: float, roll: float, path: Any) -> None:
    """Lay the card on the scene, turned about its upright axis, tilted, moved; seen from 1.5 of its own sides away."""
    from PIL import Image

    side = scene.shape[0]
    pixels = max(2, round(scale * side))
    if pixels < card.width:
        card = card.resize((pixels, pixels), Image.Resampling.BICUBIC)
    sine, cosine = np.sin(np.radians(turn)), np.cos(np.radians(turn))
    project = np.array([[cosine, 0, 0], [0, 1, 0], [sine / 3, 0, 1]])
    tilt_sine, tilt_cosine = np.sin(np.radians(roll)), np.cos(np.radians(roll))
    half = scale * side / 2
    place = np.array([
        [half * tilt_cosine, -half * tilt_sine, side * (0.5 + path[0])],
        [half * tilt_sine, half * tilt_cosine, side * (0.5 + path[1])],
        [0, 0, 1],
    ])  # fmt: skip
    centre = np.array([[card.width / 2, 0, card.width / 2], [0, card.width / 2, card.width / 2], [0, 0, 1]])
    back = centre @ np.linalg.inv(place @ project)
    data = tuple((back / back[2, 2]).ravel()[:8].tolist())
    laid = card.transform((side, side), Image.Transform.PERSPECTIVE, data, Image.Resampling.BILINEAR)
    seen = np.asarray(laid, np.float32) / 255
    scene += (seen[..., :3] - scene) * seen[..., 3:]


def _blurred(scene: Canvas, length: float, direction: float) -> Canvas:
    """The mean of the scene along a straight line of `length` pixels."""
    steps = int(min(length, scene.shape[0] / 4)) + 1
    if steps == 1:
        return scene
    pad = steps
    wide = np.pad(scene, ((pad, pad), (pad, pad), (0, 0)), "edge")
    side = scene.shape[0]
    total = np.zeros_like(scene)
    for at in np.arange(steps) - (steps - 1) / 2:
        top, left = pad + round(at * np.sin(direction)), pad + round(at * np.cos(direction))
        total += wide[top : top + side, left : left + side]
    return np.asarray(total / steps, np.float32)


def _vignette(strength: float, size: int) -> Canvas:
    across = (np.arange(size) + 0.5) / size * 2 - 1
    return np.asarray((1 - strength * (across[:, None] ** 2 + across**2) / 2)[..., None], np.float32)


def streams(picture: Pixels, walk: Walk, size: int = 32, key: int = 0) -> Iterator[Pixels]:
    """Every approach in turn, and last the turn in front of the object."""
    for number in range(walk.approaches):
        yield approach(picture, walk, number, size, key)
    yield circle(picture, walk, size, key)
