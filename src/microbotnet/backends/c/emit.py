"""An integer program as C99: one function an operator, called in turn by NAME_run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import chain
from math import prod
from pathlib import Path

import numpy as np

from ...atomic import write_atomically
from ...errors import BadInput
from ...integer import ranges
from ...integer.arena import Plan, plan
from ...integer.fold import fold
from ...integer.program import Program, Requantize, Tensor
from . import apart, avx512, vectors
from .arrays import WIDTHS, Arrays
from .choose import choose
from .form import Form, table
from .lanes import lane_rounding
from .operators import WRITERS
from .vote import emit_vote

ORDER = (
    "begin", "requantize", "window", "lanes", "armv6m", "rows", "widen", "lookup", "ternary", "tables", "depthwise",
    "mapped", "dense", "immediate", "pools", "elementwise", "vectors", "avx512",
)  # fmt: skip


NOTHING: Mapping[str, str] = {}
PREFER = ("speed", "size", "vectors", "avx512")
_ROOMS = {"vectors": vectors.room, "avx512": avx512.room}


def emit(program: Program, *, prefer: str = "speed", more: int = 0, name: str = "net") -> dict[str, str]:
    """C99 sources of `program`, folded, by file name: NAME.h, NAME.c, NAME_weights.h and main.c, an example.

    Args:
        program: any whose picture is read by a `Lookup`.
        prefer: what to spare on a small core: "speed" instructions, "size" bytes; "vectors" is for processors with
            vector registers and ample memory, "avx512" for x86 ones with VNNI and VBMI.
        more: bytes that "size" may add, about, where they spare the most instructions.
        name: begins every file's and public symbol's name.

    Raises:
        BadInput: `name` is no C identifier, or an operator cannot be written in C.
    """
    if prefer not in PREFER:
        raise BadInput(f"C is written for one of {', '.join(PREFER)}, not {prefer!r}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise BadInput(f"{name!r} cannot begin C names: lower-case letters, digits and _")
    ranges.check(program)
    program = fold(program)
    forms = _forms(program, prefer, more)
    source = _Source(program, _plan(program, forms, prefer), Arrays(name), name)
    functions = [source.function(index, form) for index, form in enumerate(forms)]
    calls = "".join(f"    {name}_op{i}(picture, scores, arena);\n" for i in range(len(functions)))
    needed = {"begin", *(file for form in forms for file in form.files)}
    kernels = [_kernel(file).replace("NAME_", f"{name}_") for file in ORDER if file in needed]
    texts = dict(chain.from_iterable(form.functions.items() for form in forms))
    own = [text.replace("NAME_", f"{name}_") for text in texts.values()]
    run = f"{_signature(name, 'run', '')}\n{{\n{calls}}}\n"
    includes = f'#include <stdint.h>\n#include "{name}.h"\n#include "{name}_weights.h"\n'
    return {
        f"{name}.h": _header(program, source.plan, name),
        f"{name}_weights.h": "".join(source.arrays.texts),
        f"{name}.c": "\n".join([includes, *kernels, *own, *functions, run]),
        "main.c": _EXAMPLE.format(name=name, upper=name.upper()),
    }


def arena(program: Program, *, prefer: str = "speed", more: int = 0) -> Plan:
    """Where the C of `emit` keeps every tensor, and each kernel's scratch."""
    program = fold(program)
    return _plan(program, _forms(program, prefer, more), prefer)


def _plan(program: Program, forms: list[Form], prefer: str) -> Plan:
    if prefer in _ROOMS:
        return apart.plan(program, forms, _ROOMS[prefer])
    scratch = {o.name: form.scratch for o, form in zip(program.operators, forms, strict=True) if form.scratch}
    return plan(program, scratch)


@dataclass(frozen=True)
class Written:
    """What `write_c` wrote. constant_bytes: weights, multipliers, offsets and tables. arena_bytes: the caller's RAM."""

    files: tuple[Path, ...]
    constant_bytes: int
    arena_bytes: int


def write_c(
    program: Program, folder: Path, *, prefer: str = "speed", name: str = "net", rule: str | None = None
) -> Written:
    """Write what `emit` makes into `folder`, each file whole or not at all; with a voting rule, `emit_vote`'s too.

    Raises:
        BadInput: see `emit` and `emit_vote`. Failed: the disk is full, or the folder cannot be written.
    """
    sources = emit(program, prefer=prefer, name=name)
    if rule is not None:
        sources |= emit_vote(rule, program.scores.shape[0], name)
    for file, text in sources.items():
        write_atomically(folder / file, text.encode())
    return Written(tuple(folder / file for file in sources), *weigh(sources, name))


def weigh(sources: Mapping[str, str], name: str = "net") -> tuple[int, int]:
    """Bytes of the constant arrays, and of the arena, in what `emit` made."""
    arrays = re.findall(r"static const (\w+) \w+\[(\d+)\]", sources[f"{name}_weights.h"])
    arena = re.findall(r"_ARENA_BYTES (\d+)", sources[f"{name}.h"])
    return sum(WIDTHS[kind] * int(count) for kind, count in arrays), int(arena[0])


def _forms(program: Program, prefer: str, more: int) -> list[Form]:
    writers = [WRITERS[type(operator)] for operator in program.operators]
    both = list(zip(writers, program.operators, strict=True))
    if prefer == "vectors":
        return [writer.vectors(program, operator) for writer, operator in both]
    if prefer == "avx512":
        return [writer.avx512(program, operator) for writer, operator in both]
    return choose([writer.small(program, operator) for writer, operator in both], prefer, more)


_EXAMPLE = """\
/* Reads one picture, {upper}_INPUT_BYTES bytes, from standard input; prints its class and the scores. */
#include <stdio.h>
#include "{name}.h"

static uint8_t picture[{upper}_INPUT_BYTES];
static int16_t scores[{upper}_CLASSES];
static uint32_t arena[({upper}_ARENA_BYTES + 3) / 4];

int main(void)
{{
    int best = 0;

    if (fread(picture, 1, sizeof picture, stdin) != sizeof picture || getchar() != EOF)
        return 2; /* another size */
    {name}_run(picture, scores, arena);
    for (int i = 0; i < {upper}_CLASSES; i++)
        if (scores[i] > scores[best])
            best = i;
    printf("%d", best);
    for (int i = 0; i < {upper}_CLASSES; i++)
        printf(" %d", scores[i]);
    printf("\\n");
    return 0;
}}
"""


def _kernel(name: str) -> str:
    return (files(__package__) / "kernels" / f"{name}.c").read_text("utf-8")


def _header(program: Program, planned: Plan, name: str) -> str:
    upper = name.upper()
    shape = program.tensors[program.input].shape
    source = "".join(f"   {key}: {value}\n" for key, value in program.source.items())
    labels = ", ".join(_quoted(label) for label in program.labels)
    return f"""\
/* {name}: an image classifier in integers.
{_comment(source)}*/
#ifndef {upper}_H
#define {upper}_H

#include <stdint.h>

#define {upper}_INPUT_BYTES {prod(shape)} /* {" x ".join(map(str, shape))}: channels, rows, columns */
#define {upper}_CLASSES {program.result.shape[0]}
#define {upper}_ARENA_BYTES {planned.size}
#define {upper}_PICTURE_OFFSET {planned.offsets[program.input]}
#define {upper}_LABELS {{ {labels or '""'} }}

/* picture: {upper}_INPUT_BYTES bytes, all of one channel, then of the next.
   It may lie in the arena, from byte {upper}_PICTURE_OFFSET on, and is then written over.
   scores: {upper}_CLASSES numbers; the class is the first of the largest.
   arena: {upper}_ARENA_BYTES bytes at an address that 4 divides, the caller's again afterwards. */
{_signature(name, "run", "")};

#endif
"""


def _signature(name: str, what: str, kind: str) -> str:
    return f"{kind}void {name}_{what}(const uint8_t *picture, int16_t *scores, void *arena)"


def _quoted(text: str) -> str:
    """A C string; what is not plain ASCII is written byte for byte."""
    escaped = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode("utf-8"))
    return f'"{escaped}"'


def _comment(text: str) -> str:
    return text.replace("*/", "* /").replace("/*", "/ *")


@dataclass(frozen=True)
class _Source:
    """What the functions of a program are printed from."""

    program: Program
    plan: Plan
    arrays: Arrays
    name: str

    def function(self, index: int, form: Form) -> str:
        operator = self.program.operators[index]
        inputs, output = self.program.of(operator)
        names = {
            "NAME": self.name,
            "y": self._write(output),
            "scratch": f"((int8_t *)arena + {self.plan.scratch.get(operator.name)})",
        }
        names |= {f"x{i or ''}": self._read(tensor) for i, tensor in enumerate(inputs)}
        lines: list[str] = []
        if form.packed and form.lanes and form.rounding() is not None:
            form = self._thin(form, index, operator.name, lines)
        widened, calls = self._widened(form, index, operator.name, lines) if form.packed else ({}, [])
        stored = {what: values for what, values in form.arrays.items() if what not in widened}
        names |= {what: self.arrays.add(values, f"op{index}_{what}") for what, values in stored.items()}
        names |= widened
        for i, how in enumerate(form.hows):
            lines.append(self._requantize(how, output, index, str(i)))
        if form.how is not None:
            lines.append(
                self._lanes(form.how, output, index, widened)
                if form.lanes
                else self._requantize(form.how, output, index, "", widened)
            )
        if form.window is not None:
            w = form.window
            numbers = (*inputs[0].shape, *output.shape[1:], *w.kernel, *w.stride, *w.padding)
            lines.append(f"static const window_t window = {{{', '.join(map(str, numbers))}}}")
        for what, (kind, values) in form.structs.items():
            # What is in the arena is no constant address.
            static = "" if any(f"{{{what}}}" in values for what in widened) else "static "
            lines.append(f"{static}const {kind} {what} = {{{values.format(**names)}}}")
        unused = [argument for argument in ("picture", "scores", "arena") if argument not in str(names)]
        lines += [f"(void){argument}" for argument in unused]
        lines += calls
        lines.append(form.call.format(**names))
        what = f"{_times(inputs[0])} to {_times(output)}"
        return (
            f"/* {_comment(operator.name)}: {type(operator).__name__.lower()}, {what} */\n"
            f"{_signature(self.name, f'op{index}', 'OPERATOR ')}\n{{\n"
            + "".join(f"    {line};\n" for line in lines)
            + "}\n"
        )

    def _thin(self, form: Form, index: int, name: str, lines: list[str]) -> Form:
        """The form with a lanes_t that is widened whole, behind the kernel's own scratch."""
        packed, steps = form.rounding(), form.steps()
        assert packed is not None
        assert form.how is not None
        data = self.arrays.add(packed.data if packed.data.size else np.zeros(1, np.uint8), f"op{index}_rounding")
        numbers = (packed.multiplier, packed.count, packed.factor_bits, packed.offset_bits, packed.zeros)
        whole = "0" if steps else self.arrays.add(table(form.how), f"op{index}_table")
        stored = self.arrays.add(steps[0].data, f"op{index}_steps") if steps else "0"
        line = (steps[0].first, steps[0].least, steps[0].bits) if steps else (0, 0, 0)
        at = self.plan.scratch[name] + form.scratch - 256 * len(steps) - 8 * packed.count
        room = f"(int32_t *)((int8_t *)arena + {at})"
        lines.append(
            f"static const thin_t thin = {{{{{data}, {', '.join(map(str, numbers))}}}, {whole}, {stored}, "
            f"{', '.join(map(str, line))}, {form.how.shift}}}"
        )
        lines.append("lanes_t how")
        return replace(form, how=None, packed=False, call=f"widen_lanes(&thin, {room}, &how);\n    {form.call}")

    def _widened(self, form: Form, index: int, name: str, lines: list[str]) -> tuple[dict[str, str], list[str]]:
        """Where packed constants are widened to, behind the kernel's own scratch, and the calls that do it."""
        packed, steps = form.rounding(), form.steps()
        at = self.plan.scratch[name] + form.scratch
        names: dict[str, str] = {}
        calls: list[str] = []
        at -= 256 * len(steps)
        for n, each in enumerate(steps):
            data, to = self.arrays.add(each.data, f"op{index}_steps{n or ''}"), f"(int8_t *)arena + {at + 256 * n}"
            names.setdefault("table", to)
            calls.append(f"widen_table({data}, {to}, {each.first}, {each.least}, {each.bits})")
        if packed is not None:
            data = self.arrays.add(packed.data if packed.data.size else np.zeros(1, np.uint8), f"op{index}_rounding")
            numbers = (packed.multiplier, packed.count, packed.factor_bits, packed.offset_bits, packed.zeros)
            lines.append(f"static const packed_t packed = {{{data}, {', '.join(map(str, numbers))}}}")
            for n, what in enumerate(("multiplier", "offset")):
                names[what] = f"(int32_t *)((int8_t *)arena + {at - 4 * packed.count * (2 - n)})"
            calls.append(f"widen(&packed, {names['multiplier']}, {names['offset']}, 1)")
        return names, calls

    def _read(self, tensor: Tensor) -> str:
        if tensor.dtype == "uint8":
            return "picture"
        return f"(const int8_t *)arena + {self.plan.offsets[tensor.name]}"

    def _write(self, tensor: Tensor) -> str:
        if tensor.name in self.program.outputs:
            return "scores"
        return f"(int8_t *)arena + {self.plan.offsets[tensor.name]}"

    def _requantize(
        self, how: Requantize, output: Tensor, index: int, suffix: str, widened: Mapping[str, str] = NOTHING
    ) -> str:
        if "offset" in widened:
            multiplier, offset = widened["multiplier"], widened["offset"]
        else:
            multiplier = self.arrays.add(how.multiplier.astype(np.int32), f"op{index}_multiplier{suffix}")
            offset = self.arrays.add(how.offset.astype(np.int32), f"op{index}_offset{suffix}")
        found = "0" if output.dtype == "int16" else self._table(how, index, suffix, widened)
        numbers = (how.low, how.high, how.pre_shift, how.shift, int("offset" in widened or len(how.multiplier) > 1))
        return (
            f"{'' if widened else 'static '}const requantize_t how{suffix} = {{{multiplier}, {offset}, {found}, "
            f"{', '.join(map(str, numbers))}}}"
        )

    def _lanes(self, how: Requantize, output: Tensor, index: int, widened: Mapping[str, str]) -> str:
        rounding = self.arrays.add(lane_rounding(how, output.shape[0]), f"op{index}_rounding")
        static = "" if widened else "static "
        return f"{static}const lanes_t how = {{{rounding}, {self._table(how, index, '', widened)}, {how.shift}}}"

    def _table(self, how: Requantize, index: int, suffix: str, widened: Mapping[str, str]) -> str:
        return widened.get("table") or self.arrays.add(table(how), f"op{index}_table{suffix}")


def _times(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))
