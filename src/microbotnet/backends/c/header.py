"""The header of a network's C, and what its source defines besides the operators: labels, the class, checks."""

from collections.abc import Iterable
from math import prod

from ... import __version__
from ...integer.arena import Plan
from ...integer.outputs import output_bytes
from ...integer.program import Program
from .interface import Interface


def header(program: Program, planned: Plan, interface: Interface, name: str) -> str:
    """NAME.h, for C and C++."""
    upper = name.upper()
    source = "".join(f"   {key}: {value}\n" for key, value in program.source.items())
    first, second = planned.sizes
    sizes = f"#define {upper}_ARENA_BYTES {first}"
    words = f"   arena: {upper}_ARENA_BYTES bytes at an address that 4 divides, the caller's again afterwards.\n"
    if planned.split is not None:
        sizes += f"\n#define {upper}_BEYOND_BYTES {second}"
        words += f"   beyond: the rest of the arena, {upper}_BEYOND_BYTES bytes; likewise.\n"
    answer = ""
    if interface.is_classifier:
        answer = f"""
/* The class: the first of the largest scores. */
int {name}_class(const int16_t *scores);
"""
    if interface.is_classifier and program.labels:
        answer += f"""
/* The classes' names, in UTF-8. */
extern const char *const {name}_labels[{upper}_CLASSES];
"""
    return f"""\
/* {name}: {"an image classifier" if interface.is_classifier else "a network"} in integers.
{comment(source)}*/
#ifndef {upper}_H
#define {upper}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {upper}_VERSION "{__version__}" /* of microbotnet, which wrote this */
{interface.constants(upper)}
{sizes}
#define {upper}_INPUT_OFFSET {planned.offsets[program.input]}

/* {interface.words(upper)}{words}\
   No other two may overlap. Compiled with MICROBOTNET_CHECK, all this is asserted. */
{interface.signature(name, "run")};
{answer}
#ifdef __cplusplus
}}
#endif

#endif
"""


def declared(name: str, parts: Iterable[str]) -> str:
    """The arena's parts in an example, which owns them; a build may say in which section each lies."""
    found = ""
    for part in parts:
        which = f"{name}_{part}".upper()
        found += f"""\
#ifndef {which}_ATTRIBUTE
#define {which}_ATTRIBUTE /* to place it: __attribute__((section(".ccm"))) */
#endif
static uint32_t {part}[({which}_BYTES + 3) / 4] {which}_ATTRIBUTE;
"""
    return found


def answers(program: Program, interface: Interface, name: str) -> list[str]:
    """The definitions of NAME_class and NAME_labels, for a classifier."""
    upper, found = name.upper(), []
    if interface.is_classifier:
        found.append(f"""\
int {name}_class(const int16_t *scores)
{{
    int best = 0;

    for (int i = 1; i < {upper}_CLASSES; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}}
""")
    if interface.is_classifier and program.labels:
        labels = "".join(f"    {quoted(label)},\n" for label in program.labels)
        found.append(f"const char *const {name}_labels[{upper}_CLASSES] = {{\n{labels}}};\n")
    return found


def checked(program: Program, planned: Plan, interface: Interface, name: str) -> str:
    """Assertions, in a build that asks for them, that the caller keeps to what the header says."""
    given, made = interface.given, interface.made
    rooms = dict(zip(interface.arguments[2:], planned.sizes, strict=False))
    sizes = {given: prod(program.tensors[program.input].shape), made: output_bytes(program)}
    sizes |= {part: max(size, 1) for part, size in rooms.items()}
    aligned = [*rooms, *([given] if interface.taken.dtype == "int8" else [])]
    aligned += [made] if not interface.is_classifier else []
    at = planned.offsets[program.input]
    lies = f"(const int8_t *){given} == (const int8_t *)arena + {at}"

    def apart(one: str, other: str) -> str:
        return f"APART({one}, {sizes[one]}, {other}, {sizes[other]})"

    lines = [f"assert((uintptr_t){which} % 4 == 0)" for which in aligned]
    lines += [f"assert({lies} || {apart(given, 'arena')})", f"assert({apart(made, 'arena')})"]
    if "beyond" in rooms:
        lines += [f"assert({apart(part, 'beyond')})" for part in interface.arguments[:3]]
    lines.append(f"assert({apart(made, given)})")
    return "#ifdef MICROBOTNET_CHECK\n" + "".join(f"    {line};\n" for line in lines) + "#endif\n"


def quoted(text: str) -> str:
    """A C string; what is not plain ASCII is written byte for byte."""
    escaped = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode("utf-8"))
    return f'"{escaped}"'


def comment(text: str) -> str:
    """What may stand in a comment."""
    return text.replace("*/", "* /").replace("/*", "/ *")
