import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from microbotnet.integer.arena import plan
from microbotnet.integer.samples import random_program
from microbotnet.show.arena import draw_arena

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("seed", range(5))
def test_every_area_is_drawn_at_its_bytes_and_none_over_another(seed: int) -> None:
    program = random_program(seed, operators=8)
    found = plan(program, {operator.name: 24 for operator in program.operators[::3]})
    root = ElementTree.fromstring(draw_arena(program, found, "a < b"))
    boxes = {}
    for group in root.iter(f"{SVG}g"):
        title, rect = group.find(f"{SVG}title"), group.find(f"{SVG}rect")
        assert title is not None
        assert rect is not None
        boxes[title.text] = [float(rect.get(key, "")) for key in ("x", "y", "width", "height")]
    assert len(boxes) == len(found.areas)
    inside = list(boxes.values())
    for i, (x, y, width, height) in enumerate(inside):
        for u, v, other_width, other_height in inside[i + 1 :]:
            across = min(x + width, u + other_width) - max(x, u)
            down = min(y + height, v + other_height) - max(y, v)
            assert across < 0.5 or down < 0.5
    assert f"{found.size:,} bytes" in "".join(root.itertext())
    sizes = np.array(
        [float(title.split(" bytes at ")[0].split(", ")[-1].replace(",", "")) for title in map(str, boxes)]
    )
    heights = np.array([box[3] for box in inside])
    large = sizes >= 20
    np.testing.assert_allclose(heights[large] + 0.8, sizes[large] * 320 / found.size, atol=0.2)
