"""Make every figure and table of the README again, from the shipped weights' cards and the traced networks.

    python docs/refresh.py

Pictures go to docs/pictures; tables go between the README's markers.
"""

import re
from pathlib import Path

from microbotnet.atomic import write_atomically
from microbotnet.show.answer import energy_chart, energy_table
from microbotnet.show.comparison import compare
from microbotnet.show.results import results_chart, results_table

ROOT = Path(__file__).resolve().parents[1]


def spliced(text: str, name: str, content: str) -> str:
    """`text` with `content` between the markers of `name`."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    assert pattern.search(text), f"README.md has no markers of {name}"
    return pattern.sub(lambda _: f"{begin}{content}{end}", text)


def main() -> None:
    """Write the pictures and the README."""
    found = compare(input_size=32, classes=10)
    pictures = {"results.svg": results_chart(), "microjoule.svg": energy_chart(found)}
    for name, picture in pictures.items():
        write_atomically(ROOT / "docs" / "pictures" / name, picture.encode())
    readme = ROOT / "README.md"
    text = readme.read_text()
    for name, table in {"results": results_table(), "microjoule": energy_table(found)}.items():
        text = spliced(text, name, table)
    write_atomically(readme, text.encode())


if __name__ == "__main__":
    main()
