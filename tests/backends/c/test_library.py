"""The C as a part of somebody else's program: from C++, two networks at once, without a word from any compiler."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from microbotnet import __version__
from microbotnet.backends.c import c_names, emit, emit_together, emit_vote, prepare, write_c
from microbotnet.errors import BadInput
from microbotnet.integer.arena import size_bytes
from microbotnet.integer.interpreter import run
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_pictures, random_program

from .compiled import Compiled, compiler

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")
NAMES = ("first", "second")


@pytest.fixture(scope="module")
def programs() -> dict[str, Program]:
    return dict(zip(NAMES, (random_program(11, size=(9, 9), operators=8), random_program(4, size=(9, 9))), strict=True))


def written(folder: Path, sources: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (folder / name).write_text(text)
    return folder


MAIN = """
#include <cstdio>
#include <cstring>
#include "first.h"
#include "second.h"

static uint8_t picture[FIRST_INPUT_BYTES];
static int16_t one[FIRST_CLASSES], two[SECOND_CLASSES];
alignas(4) static uint8_t arena[FIRST_ARENA_BYTES > SECOND_ARENA_BYTES ? FIRST_ARENA_BYTES : SECOND_ARENA_BYTES];

int main()
{
    static_assert(FIRST_INPUT_BYTES == SECOND_INPUT_BYTES, "both take the picture");
    if (std::fread(picture, 1, sizeof picture, stdin) != sizeof picture)
        return 2;
    first_run(picture, one, arena);
    second_run(picture, two, arena);
    for (auto score : one)
        std::printf("%d ", score);
    for (auto score : two)
        std::printf("%d ", score);
    std::printf("\\n%s %s %s\\n", first_labels[first_class(one)], second_labels[second_class(two)], FIRST_VERSION);
    return 0;
}
"""


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("prefer", ["speed", "size", "vectors"])
def test_a_cpp_program_with_two_networks(
    programs: dict[str, Program], prefer: str, shared: bool, tmp_path: Path
) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    if shared:
        sources = emit_together(programs, prefer=prefer, name="both")
    else:
        sources = {k: v for name, one in programs.items() for k, v in emit(one, prefer=prefer, name=name).items()}
    sources.pop("main.c", None)
    folder = written(tmp_path, sources | {"main.cpp": MAIN})
    objects = []
    for file in sorted(name for name in sources if name.endswith(".c")):
        objects.append(f"{file}.o")
        words = [*compiler("gcc"), "-std=c11", *WARNINGS, "-DMICROBOTNET_CHECK", "-O1", "-c", file, "-o", objects[-1]]
        subprocess.run(words, cwd=folder, check=True)
    subprocess.run(["g++", "-std=c++17", *WARNINGS, "main.cpp", *objects, "-o", "main"], cwd=folder, check=True)
    picture = random_pictures(programs["first"], 3)[2:]
    wanted = [run(program, picture)[0] for program in programs.values()]
    said = subprocess.run([folder / "main"], input=picture.tobytes(), capture_output=True, check=True).stdout.decode()
    lines = said.splitlines()
    assert [int(word) for word in lines[0].split()] == np.concatenate(wanted).tolist()
    labels = [program.labels[scores.argmax()] for program, scores in zip(programs.values(), wanted, strict=True)]
    assert lines[1] == " ".join([*labels, __version__])


def test_together_they_are_smaller_than_apart(programs: dict[str, Program]) -> None:
    alike = {"first": programs["first"], "second": programs["first"]}
    together = emit_together(alike, name="both")
    alone = emit(programs["first"], name="first")
    assert len(together["both_weights.h"]) < 1.01 * len(alone["first_weights.h"])
    assert len(together["both.c"]) < len(alone["first.c"]) + 0.5 * len(alone["first.c"])
    assert "main.c" not in together


@pytest.mark.parametrize(("name", "standard"), list(itertools.product(["gcc", "clang", "zig"], ["c99", "c11"])))
def test_no_compiler_has_a_word_to_say(name: str, standard: str, tmp_path: Path) -> None:
    command = compiler(name)
    for seed, prefer in ((2, "speed"), (3, "size"), (5, "vectors"))[: 3 if standard == "c99" else 1]:
        program = random_program(seed, operators=9)
        sources = emit(program, prefer=prefer) | emit_vote("majority", program.scores.shape[0])
        folder = written(tmp_path / str(seed), sources)
        for extra in ([], ["-DMICROBOTNET_CHECK"]):
            words = [*command, f"-std={standard}", *WARNINGS, *extra, "-c", "net.c", "-o", "net.o"]
            subprocess.run(words, cwd=folder, check=True)


def test_no_compiler_for_thumb_has_a_word_to_say(tmp_path: Path) -> None:
    compiler("zig")
    for seed, prefer, isa, core in ((12, "speed", "", "cortex_m0"), (13, "size", "dsp", "cortex_m4")):
        target = ("-target", "thumb-freestanding-eabi", f"-mcpu={core}", "-fno-sanitize=all")
        program = random_program(seed, operators=12)
        folder = written(tmp_path / str(seed), emit(program, prefer=prefer, isa=isa))
        words = [sys.executable, "-m", "ziglang", "cc", *target, "-std=c99", *WARNINGS]
        subprocess.run([*words, "-c", "net.c", "-o", "net.o"], cwd=folder, check=True)


@pytest.mark.parametrize(
    ("call", "broken"),
    [
        ("net_run(picture, scores, arena)", False),
        ("net_run((uint8_t *)arena + NET_INPUT_OFFSET, scores, arena)", False),
        ("net_run(picture, scores, (char *)arena + 1)", True),
        ("net_run((uint8_t *)arena + NET_INPUT_OFFSET + 4, scores, arena)", True),
        ("net_run(picture, (int16_t *)arena, arena)", True),
        ("net_run(picture, (int16_t *)(void *)picture, arena)", True),
    ],
)
def test_a_debug_build_asserts_what_the_header_asks_for(call: str, broken: bool, tmp_path: Path) -> None:
    folder = written(tmp_path, emit(random_program(2, size=(8, 8))))
    main = (
        '#include "net.h"\nstatic uint32_t arena[NET_ARENA_BYTES + NET_INPUT_BYTES];\n'
        "static uint8_t picture[NET_INPUT_BYTES + 64] __attribute__((aligned(4)));\n"
        "static int16_t scores[NET_CLASSES];\n"
        f"int main(void) {{ (void)picture; (void)scores; {call}; return 0; }}\n"
    )
    (folder / "main.c").write_text(main)
    words = [*compiler("gcc"), "-std=c99", "-DMICROBOTNET_CHECK", "net.c", "main.c", "-o", "main"]
    subprocess.run(words, cwd=folder, check=True)
    done = subprocess.run([folder / "main"], capture_output=True, check=False, text=True)
    assert (done.returncode != 0) == broken
    assert ("Assertion" in done.stderr) == broken


@pytest.mark.parametrize("prefer", ["speed", "size"])
def test_an_arena_in_two_regions_gives_the_same_scores(prefer: str, tmp_path: Path) -> None:
    """Both guarded at their ends, and asserted apart."""
    program = random_program(11, size=(9, 9), operators=8)
    whole = prepare(program, prefer=prefer).plan.size
    first = max(-(-size_bytes(program.tensors[program.input]) // 4) * 4, whole // 2 // 4 * 4)
    command = [*compiler("gcc"), "-DMICROBOTNET_CHECK"]
    built = Compiled([program], tmp_path, command, prefer=prefer, regions=(first, 2 * whole))
    assert [len(each) - 16 > 1 for each in built.arenas[0]] == [True, True], "both are used"
    pictures = random_pictures(program, 2)
    np.testing.assert_array_equal(built.scores(0, pictures), run(program, pictures))


def test_nothing_is_kept_in_the_arena_between_two_calls(tmp_path: Path) -> None:
    """So it may be another buffer meanwhile."""
    program = random_program(2, size=(9, 9), operators=8)
    built, rng = Compiled([program], tmp_path, compiler("gcc")), np.random.default_rng(0)
    pictures = random_pictures(program, 4)
    for picture, scores in zip(pictures, run(program, pictures), strict=True):
        built.arenas[0][0][:-16] = rng.integers(0, 2**32, len(built.arenas[0][0]) - 16, np.uint32)
        np.testing.assert_array_equal(built.scores(0, picture[None])[0], scores)


@pytest.mark.parametrize("package", [None, "cmake"])
def test_an_example_puts_its_arena_where_the_build_says(package: str | None, tmp_path: Path) -> None:
    write_c(random_program(13, size=(9, 9)), tmp_path, package=package, regions=(4096, 65536))
    sources = sorted(str(path) for path in tmp_path.rglob("*.c"))
    attributes = [f'-DNET_{part}_ATTRIBUTE=__attribute__((section("{name}")))' for part, name in
                  (("ARENA", "fast_memory"), ("BEYOND", "slow_memory"))]  # fmt: skip
    words = [*compiler("gcc"), *WARNINGS, "-std=c99", "-I", tmp_path / "include", *attributes, *sources]
    subprocess.run([*words, "-o", tmp_path / "main"], check=True)
    table = subprocess.run(
        ["nm", "--format=sysv", tmp_path / "main"], capture_output=True, text=True, check=True
    ).stdout
    placed = {line.split("|")[0].strip(): line.split("|")[-1].strip() for line in table.splitlines() if "|" in line}
    assert (placed["arena"], placed["beyond"]) == ("fast_memory", "slow_memory")


def test_networks_are_called_as_their_files_are() -> None:
    assert c_names(["grain-s"], "net") == ["net"]
    assert c_names(["grain-s", "runs/7 nets.program", "Ä-b.safetensors"], "net") == ["grain_s", "net_7_nets", "net_b"]
    with pytest.raises(BadInput, match="all must differ"):
        c_names(["a/x.program", "b/x.program"], "net")
    with pytest.raises(BadInput, match="all must differ"):
        c_names(["net.program", "b.program"], "net")


def test_several_networks_do_not_vote(programs: dict[str, Program], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="leave out --vote"):
        write_c(programs, tmp_path, name="both", rule="mean")
    assert list(tmp_path.iterdir()) == []
