"""Walks as film strips, one PNG: every frame with what the network said and what the last frames decided."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..preprocessing import Pixels
from ..stream.approach import Walked
from ..stream.walk import NOTE, Walk, angles_of

PAPER, FILM, INK, SOFT, DIM = "#ffffff", "#15181d", "#1f2328", "#57606a", "#9aa4af"
RIGHT, WRONG, NEUTRAL = "#2fa866", "#e05263", "#4d9fff"
WIDTH, EDGE = 1264, 24
HOLE, BAND = 6, 14  # a perforation's side, and the dark band that it stands in


def film_strip(
    walked: Walked, walk: Walk, classes: Sequence[str], rule: str, title: str, label: int | None = None, shown: int = 3
) -> bytes:
    """The PNG of some approaches and of the turn in front of the object.

    Args:
        walked: the walks up to one picture's object.
        walk: what made them.
        classes: the names of the classes.
        rule: whose decisions to show.
        title: the line over the picture.
        label: the right class, which colours right and wrong; None where it is not known.
        shown: how many approaches, spread over all.
    """
    classes = [_plain(name) or f"class {number}" for number, name in enumerate(classes)]
    count = len(walked.frames) - 1
    chosen = sorted({round(i) for i in np.linspace(0, count - 1, min(shown, count))})
    strips = [
        _strip(walked, number, f"approach {number + 1} of {count}", None, classes, rule, label) for number in chosen
    ]
    angles = [f"{angle:+.0f}°" for angle in angles_of(walk)]
    strips.append(_strip(walked, count, "the turn in front of it", angles, classes, rule, label))
    notes = _wrapped(f"Under each frame: what the network says of it alone, then what {rule} decides. {NOTE}", 12)
    top, gap = 56, 16
    height = top + sum(strip.height + gap for strip in strips) + 18 * len(notes) + 12
    page = Image.new("RGB", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((EDGE, 16), _plain(title), INK, _font(20))
    y = top
    for strip in strips:
        page.paste(strip, (EDGE, y))
        y += strip.height + gap
    for line in notes:
        draw.text((EDGE, y), line, SOFT, _font(12))
        y += 18
    file = BytesIO()
    page.save(file, "PNG", optimize=True)
    return file.getvalue()


def _strip(
    walked: Walked,
    stream: int,
    title: str,
    above: Sequence[str] | None,
    classes: Sequence[str],
    rule: str,
    label: int | None,
) -> Image.Image:
    frames, scores, decided = walked.frames[stream], walked.scores[stream], walked.decided[rule][stream]
    wide = WIDTH - 2 * EDGE
    pitch = wide / len(frames)
    side = _side(frames.shape[-1], pitch - 5)
    head, name, foot = BAND + 22, 16 if above else 0, 38
    strip = Image.new("RGB", (wide, head + name + side + foot + BAND), FILM)
    draw = ImageDraw.Draw(strip)
    for y in ((BAND - HOLE) // 2, strip.height - (BAND + HOLE) // 2):
        for x in range((wide % 18 + 10) // 2, wide - 13, 18):  # as far from the right end as from the left
            draw.rounded_rectangle((x, y, x + HOLE + 2, y + HOLE), 2, PAPER)
    draw.text((10, BAND + 3), title, DIM, _font(12))
    if label is not None:
        alone = sum(int(row.argmax()) == label for row in scores)
        voted = sum(found == label for found in decided)
        words = f"right: {alone} of {len(frames)} frames alone, {voted} decisions"
        draw.text((wide - 10, BAND + 3), words, DIM, _font(12), anchor="ra")
    for number, (frame, row, found) in enumerate(zip(frames, scores, decided, strict=True)):
        x, y = round(number * pitch + (pitch - side) / 2), head + name
        if above:
            draw.text((x + side / 2, head + 2), above[number], DIM, _font(11), anchor="ma")
        strip.paste(_enlarged(frame, side), (x, y))
        own = int(row.argmax())
        _word(draw, x, y + side + 4, side, classes[own], _colour(own, label), filled=False)
        _word(draw, x, y + side + 20, side, classes[found], _colour(found, label), filled=True)
    return strip


def _side(pixels: int, room: float) -> int:
    """The side of a frame in a strip: a whole multiple of its own where one fits, so that pixels stay squares."""
    return int(room // pixels) * pixels or int(room)


def _enlarged(frame: Pixels, side: int) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0)))
    return image.resize((side, side), Image.Resampling.NEAREST if side % image.width == 0 else Image.Resampling.LANCZOS)


def _colour(found: int, label: int | None) -> str:
    return NEUTRAL if label is None else RIGHT if found == label else WRONG


def _word(draw: ImageDraw.ImageDraw, x: float, y: float, side: float, word: str, colour: str, *, filled: bool) -> None:
    """One word under a frame: as coloured text, or in white on a coloured bar; cut where it does not fit."""
    font = _font(11)
    while font.getlength(word) > side - 4 and len(word) > 1:
        word = word.removesuffix("…")[:-1] + "…"
    if filled:
        draw.rounded_rectangle((x, y, x + side - 1, y + 15), 3, colour)
    draw.text((x + side / 2, y + 1.5), word, PAPER if filled else colour, font, anchor="ma")


def _wrapped(text: str, size: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _font(size).getlength(longer) > WIDTH - 2 * EDGE:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _plain(text: str) -> str:
    """The text in the letters that Pillow's font has: without accents, and without what is left outside ASCII."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)  # Pillow's own, so that the picture is the same everywhere
