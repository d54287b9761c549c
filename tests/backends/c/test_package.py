"""Packages: CMake builds its own; of the others everything is built that can be without their tools, against stubs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from microbotnet.backends.c import write_c
from microbotnet.backends.c.package import PACKAGES
from microbotnet.camera import camera_of, convert
from microbotnet.errors import BadInput
from microbotnet.integer.interpreter import run
from microbotnet.integer.program import Program
from microbotnet.integer.samples import random_program

CAMERA = "rgb565:40x24"
STRICT = ("-Wall", "-Wextra", "-Werror")


@pytest.fixture(scope="module")
def program() -> Program:
    return random_program(13, size=(12, 12))


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 24, 80), np.uint8)


@pytest.fixture(scope="module")
def wanted(program: Program, frames: np.ndarray) -> list[str]:
    scores = run(program, convert(camera_of(CAMERA, (3, 12, 12)), frames))
    return [f"{program.labels[row.argmax()]} {row.max()} {' '.join(map(str, row))}" for row in scores]


def built(command: list[object], cwd: Path) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answers(said: bytes) -> list[str]:
    """The lines without the time that was taken, the second number behind the class's name."""
    lines = said.decode().split("\n")[:-1]
    assert all(re.fullmatch(r"class \d+( -?\d+){3,}\r?", line) for line in lines), lines
    return [re.sub(r"^(class \d+ -?\d+) \d+", r"\1", line.rstrip()) for line in lines]


def needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def test_cmake_builds_it_alone_and_in_a_project(
    program: Program, frames: np.ndarray, wanted: list[str], tmp_path: Path
) -> None:
    needs("cmake", "gcc")
    write_c(program, tmp_path / "eye", name="eye", camera=CAMERA, package="cmake")
    built(["cmake", "-S", "eye", "-B", "build", "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"], tmp_path)
    built(["cmake", "--build", "build"], tmp_path)
    said = subprocess.run([tmp_path / "build" / "eye_example"], input=frames.tobytes(), capture_output=True, check=True)
    assert answers(said.stdout) == wanted
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "main.cpp").write_text(
        '#include "eye.h"\nstatic unsigned arena[EYE_ARENA_BYTES / 4 + 1];\nint main() { short scores[EYE_CLASSES];\n'
        "eye_run((unsigned char *)arena + EYE_INPUT_OFFSET, scores, arena); return eye_class(scores) < 0; }\n"
    )
    (tmp_path / "mine" / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(mine)\nadd_subdirectory(../eye eye)\n"
        "add_executable(mine main.cpp)\ntarget_link_libraries(mine eye)\n"
    )
    built(["cmake", "-S", "mine", "-B", "other"], tmp_path)
    built(["cmake", "--build", "other"], tmp_path)
    built([tmp_path / "other" / "mine"], tmp_path)
    assert not (tmp_path / "other" / "eye" / "eye_example").exists()


ARDUINO = """
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#define F_CPU 48000000UL
struct Port {
    void begin(long) {}
    size_t readBytes(char *to, size_t count)
    {
        if (fread(to, 1, count, stdin) != count)
            exit(0);
        return count;
    }
    void print(const char *text) { printf("%s", text); }
    void print(char c) { putchar(c); }
    void print(int n) { printf("%d", n); }
    void print(unsigned long n) { printf("%lu", n); }
    void println() { printf("\\r\\n"); fflush(stdout); }
};
static Port Serial;
static inline unsigned long micros() { return 0; }
void setup();
void loop();
"""
ARDUINO_MAIN = '\n#include "Arduino.h"\nint main() { setup(); for (;;) loop(); }\n'


def sketch_says(sketch: Path, library: Path, folder: Path, frames: np.ndarray) -> bytes:
    """A sketch, compiled as the Arduino tools do, C as C and it as C++, against a stub of their core."""
    needs("gcc", "g++")
    folder.mkdir()
    (folder / "Arduino.h").write_text(ARDUINO)
    (folder / "sketch.cpp").write_text(sketch.read_text() + ARDUINO_MAIN)
    includes = ["-I", folder, "-I", library / "src", "-I", library / "include"]
    objects = []
    for source in sorted((library / "src").glob("*.c")):
        objects.append(folder / f"{source.stem}.o")
        built(["gcc", "-std=gnu11", *STRICT, *includes, "-c", source, "-o", objects[-1]], folder)
    built(["g++", "-std=gnu++11", *STRICT, *includes, "sketch.cpp", *objects, "-o", "sketch"], folder)
    return subprocess.run([folder / "sketch"], input=frames.tobytes(), capture_output=True, check=True).stdout


def test_an_arduino_library(program: Program, frames: np.ndarray, wanted: list[str], tmp_path: Path) -> None:
    write_c(program, tmp_path / "eye", name="eye", camera=CAMERA, package="arduino")
    lines = (tmp_path / "eye" / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    # Of the library specification 1.5: the fields that must be there, and what they may be.
    assert {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"} <= (
        properties.keys()
    )
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}", properties["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", properties["version"])
    assert properties["category"] == "Data Processing"
    assert (tmp_path / "eye" / "src" / properties["includes"]).is_file()
    sketch = tmp_path / "eye" / "examples" / "classify" / "classify.ino"  # a sketch is called as its folder
    assert answers(sketch_says(sketch, tmp_path / "eye", tmp_path / "built", frames)) == wanted


def test_a_platformio_library(program: Program, frames: np.ndarray, wanted: list[str], tmp_path: Path) -> None:
    write_c(program, tmp_path / "eye", name="eye", camera=CAMERA, package="platformio")
    manifest = json.loads((tmp_path / "eye" / "library.json").read_text())
    known = {"name", "version", "description", "keywords", "frameworks", "platforms", "headers", "examples", "build"}
    assert manifest.keys() == known  # all of them fields of library.json
    assert re.fullmatch(r"[^:/\\@]{1,100}", manifest["name"])
    assert len(manifest["description"]) < 256
    assert all(re.fullmatch(r"[a-z0-9 ._+-]{1,50}", word) for word in manifest["keywords"])
    (example,) = manifest["examples"]
    assert all((tmp_path / "eye" / example["base"] / file).is_file() for file in example["files"])
    sketch = tmp_path / "eye" / "examples" / "classify" / "src" / "main.cpp"
    assert answers(sketch_says(sketch, tmp_path / "eye", tmp_path / "built", frames)) == wanted


KERNEL = """
#include <stdint.h>
#include <stdlib.h>
static inline uint32_t k_cycle_get_32(void) { return 0; }
"""
CONSOLE = """
#include <stdio.h>
static inline int console_init(void) { return 0; }
static inline int console_getchar(void)
{
    int c = getchar();

    if (c < 0)
        exit(0);
    return c;
}
"""
ZEPHYR = {
    "zephyr/kernel.h": KERNEL, "zephyr/console/console.h": CONSOLE,
    "zephyr/sys/printk.h": "#define printk printf\n",
}  # fmt: skip
ZEPHYR_CMAKE = """
cmake_minimum_required(VERSION 3.20)
project(stub C)
set(CONFIG_EYE y)
macro(zephyr_library_named name)
  add_library(${name} STATIC)
  set(current ${name})
endmacro()
macro(zephyr_library_sources)
  target_sources(${current} PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories)
  include_directories(${ARGN})
  target_include_directories(${current} PUBLIC ${ARGN})
endmacro()
include(eye/zephyr/CMakeLists.txt)
add_executable(app eye/samples/classify/src/main.c)
target_include_directories(app PRIVATE stub)
target_link_libraries(app eye)
"""


def test_a_zephyr_module(program: Program, frames: np.ndarray, wanted: list[str], tmp_path: Path) -> None:
    needs("cmake", "gcc")
    write_c(program, tmp_path / "eye", name="eye", camera=CAMERA, package="zephyr")
    module = (tmp_path / "eye" / "zephyr" / "module.yml").read_text()
    assert module == "name: eye\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\nsamples:\n  - samples\n"
    for path in ("zephyr/CMakeLists.txt", "zephyr/Kconfig", "samples/classify/prj.conf"):
        assert (tmp_path / "eye" / path).is_file()
    assert "config EYE\n\tbool" in (tmp_path / "eye" / "zephyr" / "Kconfig").read_text()
    for path, text in ZEPHYR.items():
        (tmp_path / "stub" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "stub" / path).write_text(text)
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR_CMAKE)
    built(["cmake", "-S", ".", "-B", "build", "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"], tmp_path)
    built(["cmake", "--build", "build"], tmp_path)
    said = subprocess.run([tmp_path / "build" / "app"], input=frames.tobytes(), capture_output=True, check=True).stdout
    assert answers(said) == wanted


@pytest.mark.parametrize("kind", PACKAGES)
def test_pictures_without_a_camera(kind: str, program: Program, tmp_path: Path) -> None:
    written = write_c(program, tmp_path, name="eye", package=kind)
    assert all(path.is_file() for path in written.files)
    texts = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "camera" not in texts.replace("Put your camera's driver", "")
    assert "READ(picture, EYE_INPUT_BYTES);" in texts


def test_what_is_no_package_is_refused(program: Program, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a package is one of cmake, arduino, platformio, zephyr, not 'conan'"):
        write_c(program, tmp_path, package="conan")
    with pytest.raises(BadInput, match="a package holds one network"):
        write_c({"a": program, "b": program}, tmp_path, package="cmake")
    command = [sys.executable, "-m", "microbotnet", "export", "grain-s", "--onnx", "x.onnx", "--package", "cmake"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "microbotnet: --package is of the C; give --c DIR too\n")
    assert list(tmp_path.iterdir()) == []
