"""Independent measures of a drawing: where its text and its volumes are, and whether they overlap."""

from collections.abc import Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
from PIL import ImageFont

SVG = "{http://www.w3.org/2000/svg}"
Rectangle = tuple[float, float, float, float]


@cache
def font(size: float) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, the widest font that the drawings name."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def text_boxes(root: ElementTree.Element) -> Iterator[tuple[str, Rectangle]]:
    for element in root.iter(f"{SVG}text"):
        size, x, y = (float(element.attrib[key]) for key in ("font-size", "x", "y"))
        width = font(size).getlength(element.text or "")
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[element.get("text-anchor", "start")]
        box = (left, y - 0.72 * size, left + width, y + 0.02 * size)
        if element.get("transform", "").startswith("rotate(90 "):
            box = (x - 0.02 * size, y, x + 0.72 * size, y + width)
        yield element.text or "", box


def volumes(root: ElementTree.Element) -> Iterator[Rectangle]:
    for element in root.iter(f"{SVG}polygon"):
        points = [tuple(map(float, point.split(","))) for point in element.attrib["points"].split()]
        if len(points) == 4:
            xs, ys = zip(*points, strict=True)
            yield (min(xs), min(ys), max(xs), max(ys))


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] - 0.3 and b[0] < a[2] - 0.3 and a[1] < b[3] - 0.3 and b[1] < a[3] - 0.3


def assert_readable(svg: str) -> ElementTree.Element:
    """Valid XML, all text inside, no text over text or over a volume."""
    root = ElementTree.fromstring(svg)
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    texts = list(text_boxes(root))
    for text, (left, top, right, bottom) in texts:
        assert left >= 0, text
        assert top >= 0, text
        assert right <= width, text
        assert bottom <= height, text
    for (text, box), (other, beside) in combinations(texts, 2):
        assert not overlap(box, beside), (text, other)
    shapes = list(volumes(root))
    for text, box in texts:
        for volume in shapes:
            assert not overlap(box, volume), text
    return root
