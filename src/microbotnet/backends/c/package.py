"""A network's C as a package: a folder that CMake, Arduino, PlatformIO or Zephyr builds, with an example in it.

The example reads frames, runs the network and prints for each a line: the class, its score, the cycles that it took,
and all scores. `mcu.serial_line` talks to it.
"""

import json
from collections.abc import Callable, Mapping
from textwrap import indent
from typing import Any

from ... import __version__
from ...errors import BadInput
from ...integer.program import Program
from .header import declared
from .interface import Interface

ARCHITECTURES = "samd,nrf52,rp2040,mbed_nano,mbed_rp2040,mbed_portenta,renesas_uno,stm32,esp32"


def packaged(
    kind: str, sources: Mapping[str, str], program: Program, name: str, parts: tuple[str, ...] = ("arena",)
) -> dict[str, str]:
    """The package's files, by their paths in its folder.

    Args:
        kind: one of `PACKAGES`.
        sources: the network's C by file name, and its camera's if it has one.
        name: what they begin with. parts: of the arena; see `Interface.arguments`.

    Raises:
        BadInput: there is no such kind; or the network is no classifier, whose example could name a class.
    """
    if kind not in PACKAGES:
        raise BadInput(f"a package is one of {', '.join(PACKAGES)}, not {kind!r}")
    if not Interface(program).is_classifier or program.tensors[program.input].dtype != "uint8" or not program.labels:
        raise BadInput("a package is for a classifier of pictures whose classes have names; export --c alone writes C")
    used = {file: text for file, text in sources.items() if file != "main.c"}
    words = {
        "name": name, "upper": name.upper(), "version": __version__, "what": _what(program),
        "arena": declared(name, parts), "parts": ", ".join(parts),
    }  # fmt: skip
    camera = f"{name}_camera.h" in used
    return PACKAGES[kind](used, words, camera)


def _what(program: Program) -> str:
    network = program.source.get("network", "a network")
    return f"{network}: an image classifier of {program.scores.shape[0]} classes, in integers"


def _placed(sources: Mapping[str, str], headers: str) -> dict[str, str]:
    """Public headers in `headers`, everything else in src."""
    return {
        f"{headers if file.endswith('.h') and not file.endswith('_weights.h') else 'src'}/{file}": text
        for file, text in sources.items()
    }


def _files(sources: Mapping[str, str]) -> str:
    return " ".join(f"src/{file}" for file in sources if file.endswith(".c"))


# The part of every example that knows the network. READ(bytes, count) fills a buffer, or leaves.
_TAKE_FRAME = """\
    {name}_camera_begin(&camera, picture);
    do
        READ(row, sizeof row);
    while (!{name}_camera_row(&camera, row));
"""
_TAKE_PICTURE = "    READ(picture, {upper}_INPUT_BYTES);\n"
_ROOM = """\
{arena}\
static int16_t scores[{upper}_CLASSES];
/* The picture lies in the arena and costs no memory of its own. */
static uint8_t *const picture = (uint8_t *)arena + {upper}_INPUT_OFFSET;
"""
_ROW = """\
static {name}_camera_t camera;
static uint8_t row[{upper}_CAMERA_ROW_BYTES] __attribute__((aligned(4)));
"""


def _example(template: str, words: Mapping[str, str], camera: bool) -> str:
    take = (_TAKE_FRAME if camera else _TAKE_PICTURE).format(**words)
    parts = {
        "room": (_ROOM + (_ROW if camera else "")).format(**words),
        "take": take,
        "take_deeper": indent(take, "    "),
        "include": f'#include "{words["name"]}_camera.h"\n' if camera else "",
    }
    return template.format(**words, **parts)


_MAIN = """\
/* Reads frames from standard input, one after the other; prints of each the class, its score, the
   microseconds and all scores. */
#include <stdio.h>
#include <time.h>
#include "{name}.h"
{include}
#define READ(bytes, count)                              \\
    do                                                  \\
        if (fread(bytes, 1, count, stdin) != (count))   \\
            return 0;                                   \\
    while (0)

{room}
static int classify(void)
{{
{take}
    clock_t begun = clock();
    {name}_run(picture, scores, {parts});
    clock_t took = clock() - begun;
    int best = {name}_class(scores);
    printf("%s %d %.0f", {name}_labels[best], scores[best], 1e6 * (double)took / CLOCKS_PER_SEC);
    for (int i = 0; i < {upper}_CLASSES; i++)
        printf(" %d", scores[i]);
    printf("\\n");
    fflush(stdout);
    return 1;
}}

int main(void)
{{
    while (classify())
        ;
    return 0;
}}
"""


def _cmake(sources: Mapping[str, str], words: dict[str, str], camera: bool) -> dict[str, str]:
    lists = f"""\
# {words["what"]}. Use it in your project: add_subdirectory({words["name"]}), then link {words["name"]}.
cmake_minimum_required(VERSION 3.13)
project({words["name"]} VERSION {words["version"]} LANGUAGES C)

add_library({words["name"]} STATIC {_files(sources)})
target_include_directories({words["name"]} PUBLIC include)
set_target_properties({words["name"]} PROPERTIES C_STANDARD 99 C_STANDARD_REQUIRED ON)

if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  add_executable({words["name"]}_example example/main.c)
  set_target_properties({words["name"]}_example PROPERTIES C_STANDARD 99)
  target_link_libraries({words["name"]}_example {words["name"]})
endif()
"""
    return {
        "CMakeLists.txt": lists,
        "example/main.c": _example(_MAIN, words, camera),
        **_placed(sources, "include"),
    }


_SKETCH = """\
// Reads frames from the serial port, one after the other; prints the class, its score, the cycles and all scores.
// Put your camera's driver in place of READ.
#include <Arduino.h>
#include <{name}.h>
{include}
#define READ(bytes, count)                                              \\
    do                                                                  \\
        if (Serial.readBytes((char *)(bytes), (count)) != (count))      \\
            return;                                                     \\
    while (0)

{room}
void setup()
{{
    Serial.begin(115200);
}}

void loop()
{{
{take}
    unsigned long begun = micros();
    {name}_run(picture, scores, {parts});
    unsigned long cycles = (micros() - begun) * (F_CPU / 1000000UL);
    int best = {name}_class(scores);
    Serial.print({name}_labels[best]);
    Serial.print(' ');
    Serial.print(scores[best]);
    Serial.print(' ');
    Serial.print(cycles);
    for (int i = 0; i < {upper}_CLASSES; i++) {{
        Serial.print(' ');
        Serial.print(scores[i]);
    }}
    Serial.println();
}}
"""


def _arduino(sources: Mapping[str, str], words: dict[str, str], camera: bool) -> dict[str, str]:
    properties = {
        "name": words["name"],
        "version": words["version"],
        "author": "microbotnet",
        "maintainer": "microbotnet",
        "sentence": words["what"] + ".",
        "paragraph": "Written by microbotnet export; needs no other library, no heap and no floating point.",
        "category": "Data Processing",
        "url": "https://arduino.github.io/arduino-cli/latest/library-specification/",
        "architectures": ARCHITECTURES,
        "includes": f"{words['name']}.h",
    }
    keywords = [f"{words['name']}_{what}\tKEYWORD2" for what in ("run", "class")]
    keywords.append(f"{words['name']}_labels\tLITERAL1")
    return {
        "library.properties": "".join(f"{key}={value}\n" for key, value in properties.items()),
        "keywords.txt": "\n".join(keywords) + "\n",
        "examples/classify/classify.ino": _example(_SKETCH, words, camera),
        **_placed(sources, "src"),
    }


def _platformio(sources: Mapping[str, str], words: dict[str, str], camera: bool) -> dict[str, str]:
    manifest: dict[str, Any] = {
        "name": words["name"],
        "version": words["version"],
        "description": words["what"] + ".",
        "keywords": ["image classification", "neural network", "int8"],
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{words['name']}.h",
        "examples": [{"name": "classify", "base": "examples/classify", "files": ["src/main.cpp", "platformio.ini"]}],
        "build": {"includeDir": "include", "srcDir": "src"},
    }
    project = """\
[env:adafruit_feather_m0]
platform = atmelsam
board = adafruit_feather_m0
framework = arduino
lib_extra_dirs = ../../..
"""
    return {
        "library.json": json.dumps(manifest, indent=2, ensure_ascii=False) + "\n",
        "examples/classify/platformio.ini": project,
        "examples/classify/src/main.cpp": _example(_SKETCH, words, camera),
        **_placed(sources, "include"),
    }


_APPLICATION = """\
/* Reads frames from the console, one after the other; prints the class, its score, the cycles and all
   scores. Put your camera's driver in place of READ. */
#include <zephyr/kernel.h>
#include <zephyr/console/console.h>
#include <zephyr/sys/printk.h>
#include "{name}.h"
{include}
#define READ(bytes, count)                              \\
    for (int at = 0; at < (int)(count); at++)           \\
        (bytes)[at] = (uint8_t)console_getchar()

{room}
int main(void)
{{
    console_init();
    for (;;) {{
{take_deeper}
        uint32_t begun = k_cycle_get_32();
        {name}_run(picture, scores, {parts});
        uint32_t cycles = k_cycle_get_32() - begun;
        int best = {name}_class(scores);
        printk("%s %d %u", {name}_labels[best], scores[best], (unsigned)cycles);
        for (int i = 0; i < {upper}_CLASSES; i++)
            printk(" %d", scores[i]);
        printk("\\n");
    }}
}}
"""


_MODULE = """\
name: {name}
build:
  cmake: zephyr
  kconfig: zephyr/Kconfig
samples:
  - samples
"""


def _zephyr(sources: Mapping[str, str], words: dict[str, str], camera: bool) -> dict[str, str]:
    name, upper = words["name"], words["upper"]
    files = "\n".join(f"    ${{CMAKE_CURRENT_LIST_DIR}}/../src/{file}" for file in sources if file.endswith(".c"))
    cmake = f"""\
if(CONFIG_{upper})
  zephyr_library_named({name})
  zephyr_library_sources(
{files}
  )
  zephyr_include_directories(${{CMAKE_CURRENT_LIST_DIR}}/../include)
endif()
"""
    application = f"""\
cmake_minimum_required(VERSION 3.20.0)
list(APPEND ZEPHYR_EXTRA_MODULES ${{CMAKE_CURRENT_SOURCE_DIR}}/../..)
find_package(Zephyr REQUIRED HINTS $ENV{{ZEPHYR_BASE}})
project({name}_classify)
target_sources(app PRIVATE src/main.c)
"""
    return {
        "zephyr/module.yml": _MODULE.format(name=name),
        "zephyr/CMakeLists.txt": cmake,
        "zephyr/Kconfig": f'config {upper}\n\tbool "{words["what"]}"\n',
        "samples/classify/CMakeLists.txt": application,
        "samples/classify/prj.conf": f"CONFIG_{upper}=y\nCONFIG_CONSOLE_SUBSYS=y\nCONFIG_CONSOLE_GETCHAR=y\n",
        "samples/classify/src/main.c": _example(_APPLICATION, words, camera),
        **_placed(sources, "include"),
    }


PACKAGES: dict[str, Callable[[Mapping[str, str], dict[str, str], bool], dict[str, str]]] = {
    "cmake": _cmake, "arduino": _arduino, "platformio": _platformio, "zephyr": _zephyr,
}  # fmt: skip
