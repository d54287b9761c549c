"""An integer program as C99: one function an operator, called in turn by NAME_run."""

import re
from dataclasses import dataclass
from importlib.resources import files
from math import prod

import numpy as np

from ...errors import BadInput
from ...integer import ranges
from ...integer.arena import Plan, plan
from ...integer.program import (
    Add,
    Concatenate,
    Convolve,
    Gate,
    Lookup,
    MaxPool,
    Operator,
    Program,
    Requantize,
    SumPool,
    Tensor,
)
from .arrays import Arrays

KERNELS = ("window", "requantize", "lookup", "convolve", "pools", "elementwise")


def emit(program: Program, *, prefer: str = "speed", name: str = "net") -> dict[str, str]:
    """C99 sources of `program`, by file name: NAME.h, NAME.c, NAME_weights.h and main.c, an example.

    Args:
        program: any whose picture is read by a `Lookup`.
        prefer: what to spare on a small core: "speed" instructions, "size" bytes.
        name: begins every file's and public symbol's name.

    Raises:
        BadInput: `name` is no C identifier, or an operator cannot be written in C.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise BadInput(f"{name!r} cannot begin C names: lower-case letters, digits and _")
    ranges.check(program)
    arrays = Arrays(name)
    source = _Source(program, plan(program), arrays, name)
    functions = [source.function(index) for index in range(len(program.operators))]
    calls = "".join(f"    {name}_op{i}(picture, scores, arena);\n" for i in range(len(functions)))
    return {
        f"{name}.h": _header(program, source.plan, name),
        f"{name}_weights.h": "".join(arrays.texts),
        f"{name}.c": _PREAMBLE.format(name=name)
        + "\n".join(_kernel(kernel) for kernel in KERNELS)
        + "\n"
        + "\n".join(functions)
        + f"\n{_signature(name, 'run', '')}\n{{\n{calls}}}\n",
        "main.c": _EXAMPLE.format(name=name, upper=name.upper()),
    }


_PREAMBLE = """\
#include <stdint.h>
#include "{name}.h"
#include "{name}_weights.h"

#if defined(__GNUC__)
#define INLINE inline __attribute__((always_inline))
#define KERNEL static __attribute__((unused))
#define OPERATOR static __attribute__((noinline))
#else
#define INLINE inline
#define KERNEL static
#define OPERATOR static
#endif

/* C99 leaves >> of a negative number to the compiler; here it must round towards minus infinity. */
typedef char shifts_are_arithmetic[(-3 >> 1) == -2 ? 1 : -1];

"""

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

    if (fread(picture, 1, sizeof picture, stdin) != sizeof picture)
        return 2;
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
#define {upper}_CLASSES {program.tensors[program.output].shape[0]}
#define {upper}_ARENA_BYTES {planned.size}
#define {upper}_LABELS {{ {labels or '""'} }}

/* picture: {upper}_INPUT_BYTES bytes, all of one channel, then of the next.
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

    def function(self, index: int) -> str:
        operator = self.program.operators[index]
        inputs, output = self.program.of(operator)
        what = f"{_shape(inputs[0])} to {_shape(output)}"
        unused = "".join(
            f"    (void){argument};\n"
            for argument, used in (
                ("picture", inputs[0].dtype == "uint8"),
                ("scores", output.dtype == "int16"),
                ("arena", False),
            )
            if not used
        )
        return (
            f"/* {_comment(operator.name)}: {type(operator).__name__.lower()}, {what} */\n"
            f"{_signature(self.name, f'op{index}', 'OPERATOR ')}\n{{\n{unused}{self._body(operator, index)}}}\n"
        )

    def _body(self, operator: Operator, index: int) -> str:
        inputs, output = self.program.of(operator)
        if inputs[0].dtype == "uint8" and not isinstance(operator, Lookup):
            raise BadInput(f"{operator.name}: reads the picture's bytes; only a lookup can")
        x = [self._read(t) for t in inputs]
        y = self._write(output)
        channels, pixels = output.shape[0], prod(output.shape[1:])
        match operator:
            case Lookup(tables=tables):
                kernel = "lookup_bytes" if inputs[0].dtype == "uint8" else "lookup"
                table = self.arrays.add(tables, f"op{index}_table")
                return f"    {kernel}({x[0]}, {y}, {table}, {256 * (len(tables) > 1)}, {channels}, {pixels});\n"
            case Convolve(weights=weights):
                scores = output.dtype == "int16"
                return (
                    self._requantize(operator.requantize, index)
                    + self._window(operator, operator.weights.shape[2:], operator.stride, operator.padding)
                    + f"    convolve({x[0]}, {0 if scores else y}, {y if scores else 0}, "
                    f"{self.arrays.add(weights, f'op{index}_weights')}, &how, &window, {weights.shape[1]}, "
                    f"{len(weights) // operator.groups}, {inputs[0].zero_point});\n"
                )
            case SumPool():
                return (
                    self._requantize(operator.requantize, index)
                    + self._window(operator, operator.kernel, operator.stride)
                    + f"    sum_pool({x[0]}, {y}, &how, &window);\n"
                )
            case MaxPool():
                return (
                    self._window(operator, operator.kernel, operator.stride, operator.padding)
                    + f"    max_pool({x[0]}, {y}, &window);\n"
                )
            case Add(multipliers=(a, b)):
                return (
                    self._requantize(operator.requantize, index)
                    + f"    add({x[0]}, {x[1]}, {y}, {a}, {b}, &how, {channels * pixels});\n"
                )
            case Gate():
                return (
                    self._requantize(operator.requantize, index)
                    + f"    gate({x[0]}, {x[1]}, {y}, {inputs[0].zero_point}, {inputs[1].zero_point}, &how, "
                    f"{channels}, {pixels});\n"
                )
            case Concatenate(requantize=hows):
                text, at = "", 0
                for number, (part, how, tensor) in enumerate(zip(x, hows, inputs, strict=True)):
                    text += self._requantize(how, index, str(number))
                    text += f"    place({part}, {y} + {at}, &how{number}, {tensor.shape[0]}, {pixels});\n"
                    at += prod(tensor.shape)
                return text

    def _read(self, tensor: Tensor) -> str:
        if tensor.dtype == "uint8":
            return "picture"
        return f"(const int8_t *)arena + {self.plan.offsets[tensor.name]}"

    def _write(self, tensor: Tensor) -> str:
        if tensor.name == self.program.output:
            return "scores"
        return f"(int8_t *)arena + {self.plan.offsets[tensor.name]}"

    def _requantize(self, how: Requantize, index: int, suffix: str = "") -> str:
        multiplier = self.arrays.add(how.multiplier.astype(np.int16), f"op{index}_multiplier{suffix}")
        offset = self.arrays.add(how.offset.astype(np.int32), f"op{index}_offset{suffix}")
        table = "0" if how.table is None else self.arrays.add(how.table, f"op{index}_table{suffix}")
        return (
            f"    static const requantize_t how{suffix} = {{{multiplier}, {offset}, {table}, {how.low}, {how.high}, "
            f"{how.pre_shift}, {how.shift}, {int(len(how.multiplier) > 1)}}};\n"
        )

    def _window(
        self, operator: Operator, kernel: tuple[int, ...], stride: tuple[int, int], padding: tuple[int, int] = (0, 0)
    ) -> str:
        inputs, output = self.program.of(operator)
        numbers = (*inputs[0].shape, *output.shape[1:], *kernel, *stride, *padding)
        return f"    static const window_t window = {{{', '.join(map(str, numbers))}}};\n"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))
