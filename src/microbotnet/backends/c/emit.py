"""An integer program as C99: one function an operator, called in turn by NAME_run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import chain
from math import prod

import numpy as np

from ...errors import BadInput
from ...integer import ranges
from ...integer.arena import Plan, bytes_alive, plan
from ...integer.fold import fold
from ...integer.operators import Lookup
from ...integer.program import Program, Requantize, Tensor
from . import avx512, hosts, no_reuse, vectors
from .arrays import WIDTHS, Arrays
from .choose import choose
from .dsp import dsp_forms
from .header import answers, checked, comment, declared, header
from .interface import Interface
from .kernel_call import KernelCall, table
from .lanes import lane_rounding
from .operators import WRITERS

ORDER = (
    "begin", "requantize", "window", "lanes", "armv6m", "rows", "widen", "lookup", "ternary", "tables", "gathered",
    "classed", "mirrored", "depthwise", "tapped", "mapped", "dense", "product", "rescale", "softmax", "immediate",
    "dots", "pointwise", "dual", "tripled", "pools", "elementwise", "moves", "pairs", "windows", "vectors", "avx512",
    "hosts",
)  # fmt: skip


NOTHING: Mapping[str, str] = {}
ISAS = ("", "dsp", "c")
PLANS = 4  # at most, to find one that has the bytes that there are
PREFER = ("speed", "size", "vectors", "avx512")
_ROOMS = {"vectors": vectors.room, "avx512": avx512.room}
_HOSTS = {"vectors": hosts.of_vectors, "avx512": hosts.of_avx512}


@dataclass(frozen=True)
class Prepared:
    """A program of which all is decided but the text of its C.

    program: folded. forms: of each operator the one that is taken. plan: where every tensor, and each kernel's scratch,
    lies. candidates: the forms that each was taken from. prefer, isa, ram: see `prepare`.
    """

    program: Program
    prefer: str
    forms: list[KernelCall]
    plan: Plan
    candidates: list[list[KernelCall]]
    isa: str
    ram: int | None

    @property
    def kinds(self) -> list[str]:
        """What the form of each operator is called."""
        return [form.kind for form in self.forms]


def prepare(
    program: Program,
    *,
    prefer: str = "speed",
    more: int | None = None,
    isa: str = "",
    regions: tuple[int, int] | None = None,
    ram: int | None = None,
    candidates: list[list[KernelCall]] | None = None,
) -> Prepared:
    """Choose the forms, and plan the arena.

    Args:
        program, prefer, more, isa, regions: see `emit`.
        ram: bytes of an arena that forms must leave room for, where an operator has one that does; None: any.
        candidates: those of an earlier call for the same program and core, if there was one.

    Raises:
        BadInput: see `emit`.
    """
    if prefer not in PREFER:
        raise BadInput(f"C is written for one of {', '.join(PREFER)}, not {prefer!r}")
    if isa not in ISAS:
        raise BadInput(f"the core's instruction set is one of {', '.join(map(repr, ISAS))}, not {isa!r}")
    ranges.check(program)
    program = _folded(program, prefer)
    writers = [(WRITERS[type(operator)], operator) for operator in program.operators]
    if prefer == "vectors":
        candidates = [[writer.vectors(program, operator)] for writer, operator in writers]
    elif prefer == "avx512":
        candidates = [[writer.avx512(program, operator)] for writer, operator in writers]
    else:
        candidates = candidates or candidates_of(program, isa)
    forms = choose(candidates, prefer, more)
    found = _plan(program, forms, prefer, regions)
    if ram is not None:
        room = ram
        for _ in range(PLANS):
            if found.size <= ram:
                break
            forms = choose(_within(program, candidates, room), prefer, more)
            found = _plan(program, forms, prefer, regions)
            room -= found.size - ram  # what is alive may lie with gaps
    return Prepared(program, prefer, forms, found, candidates, isa, ram)


def _within(program: Program, candidates: list[list[KernelCall]], ram: int) -> list[list[KernelCall]]:
    """Those whose scratch has room beside what is alive; where none has, those with the least."""
    found = []
    for used, forms in zip(bytes_alive(program), candidates, strict=True):
        most = max(ram - used, min(form.scratch for form in forms))
        found.append([form for form in forms if form.scratch <= most])
    return found


def emit(
    program: Program,
    *,
    prefer: str = "speed",
    more: int | None = None,
    name: str = "net",
    isa: str = "",
    regions: tuple[int, int] | None = None,
) -> dict[str, str]:
    """C99 sources of `program`, folded, by file name: NAME.h, NAME.c, NAME_weights.h and main.c, an example.

    Args:
        program: any.
        prefer: what to spare on a small core: "speed" instructions, "size" bytes; "vectors" is for processors with
            vector registers and ample memory, "avx512" for x86 ones with VNNI and VBMI.
        more: bytes that "size" may add, about, where they spare the most instructions; None: a hundredth.
        name: begins every file's and public symbol's name.
        isa: what the small core has besides: "dsp", Arm's DSP extension (Cortex-M4, M7, M33), or
            nothing; "c" for one that is no Arm, for which nothing is written in assembly.
        regions: bytes of two memories, if the arena is to lie in both.

    Raises:
        BadInput: `name` is no C identifier, an operator cannot be written in C, or the regions are too small.
    """
    return emit_together({name: program}, prefer=prefer, more=more, name=name, isa=isa, regions=regions)


def emit_together(
    programs: Mapping[str, Program],
    *,
    prefer: str = "speed",
    more: int | None = None,
    name: str = "nets",
    isa: str = "",
    regions: tuple[int, int] | None = None,
) -> dict[str, str]:
    """C99 sources of several programs that share their kernels and equal constants: a header each, and NAME.c.

    Args:
        programs: by what begins their headers' names and their public symbols.
        prefer, more, isa, regions: see `emit`.
        name: begins the names of the other files, and of what the networks share.

    Raises:
        BadInput: see `emit`.
    """
    made = {
        net: prepare(program, prefer=prefer, more=more, isa=isa, regions=regions) for net, program in programs.items()
    }
    return emit_prepared(made, name)


def emit_prepared(prepared: Mapping[str, Prepared], name: str) -> dict[str, str]:
    """The same of what is prepared, by what begins the headers' names."""
    arrays, sources = Arrays(name), []
    for net, one in prepared.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]*", net):
            raise BadInput(f"{net!r} cannot begin C names: lower-case letters, digits and _")
        face = Interface(one.program, one.plan.split)
        sources.append(_Source(one.program, one.plan, arrays.of(net), net, name, face, one.prefer, one.forms))
    forms_of_all = ((source, index, form) for source in sources for index, form in enumerate(source.forms))
    wide = [(source, index, form.arrays["wide"]) for source, index, form in forms_of_all if "wide" in form.arrays]
    for source, index, values in sorted(wide, key=lambda each: -each[2].size):  # shorter ones may lie in longer ones
        source.arrays.add(values, f"op{index}_wide")
    bodies = [source.body() for source in sources]
    needed = {"begin", *chain.from_iterable(files for files, _ in bodies)}
    kernels = [_kernel(file).replace("NAME_", f"{name}_") for file in ORDER if file in needed]
    texts = dict(chain.from_iterable(form.functions.items() for source in sources for form in source.forms))
    own = [text().replace("NAME_", f"{name}_") for text in texts.values()]
    included = ("<stdint.h>", *(f'"{net}.h"' for net in prepared), f'"{name}_weights.h"')
    includes = "".join(f"#include {file}\n" for file in included)
    found = {
        **{
            f"{source.name}.h": header(source.program, source.plan, source.interface, source.name) for source in sources
        },
        f"{name}_weights.h": "".join(arrays.texts),
        f"{name}.c": "\n".join([includes, *kernels, *own, *(text for _, text in bodies)]),
    }
    if len(sources) == 1:
        face = sources[0].interface
        found["main.c"] = (_EXAMPLE if face.is_classifier else _OTHER_EXAMPLE).format(
            name=name, upper=name.upper(), given=face.given, taken=face.types[0], made=face.made,
            arena=declared(name, face.arguments[2:]), arguments=", ".join(face.arguments[2:]),
        )  # fmt: skip
    return found


def _folded(program: Program, prefer: str) -> Program:
    """Folded; on hosts, features are brought into the layout of pixels by a table that changes nothing."""
    program = fold(program)
    given = program.tensors[program.input]
    readers = [operator for operator in program.operators if given.name in operator.inputs]
    if prefer not in _HOSTS or given.dtype == "uint8" or all(isinstance(reader, Lookup) for reader in readers):
        return program
    as_pixels = replace(given, name=f"{given.name}.pixels")
    same = Lookup(as_pixels.name, given.name, as_pixels.name, np.arange(-128, 128).astype(np.int8)[None])
    operators = (same, *(operator.reading({given.name: as_pixels.name}) for operator in program.operators))
    return replace(program, tensors=program.tensors | {as_pixels.name: as_pixels}, operators=operators)


def _plan(program: Program, forms: list[KernelCall], prefer: str, regions: tuple[int, int] | None) -> Plan:
    if prefer in _ROOMS:
        if regions is not None:
            raise BadInput(f"C that is made for {prefer} has one arena; leave out the regions, or prefer speed or size")
        return no_reuse.plan(program, forms, _ROOMS[prefer])
    scratch = {o.name: form.scratch for o, form in zip(program.operators, forms, strict=True) if form.scratch}
    return plan(program, scratch, regions=regions)


def weigh(sources: Mapping[str, str], name: str = "net") -> tuple[int, int, int]:
    """Bytes of the constant arrays in what `emit` made, and of both parts of the arena, several networks' largest."""
    arrays = re.findall(r"static const (\w+) \w+\[(\d+)\]", sources[f"{name}_weights.h"])
    headers = "".join(text for file, text in sources.items() if file.endswith(".h"))
    first, beyond = (re.findall(rf"_{part}_BYTES (\d+)", headers) for part in ("ARENA", "BEYOND"))
    return (
        sum(WIDTHS[kind] * int(count) for kind, count in arrays),
        max(map(int, first)),
        max(map(int, beyond), default=0),
    )


def candidates_of(program: Program, isa: str) -> list[list[KernelCall]]:
    """The forms for a small core that can compute each operator of a folded program."""
    found = [WRITERS[type(operator)].small(program, operator) for operator in program.operators]
    if isa == "c":  # what stands in for functions in assembly is slower than kernels in C
        found = [[form for form in forms if not form.functions] for forms in found]
    elif isa == "dsp":
        found = [[*forms, *dsp_forms(program, o)] for forms, o in zip(found, program.operators, strict=True)]
    return found


_EXAMPLE = """\
/* Reads one picture, {upper}_INPUT_BYTES bytes, from standard input; prints its class and the scores. */
#include <stdio.h>
#include "{name}.h"

static uint8_t picture[{upper}_INPUT_BYTES];
static int16_t scores[{upper}_CLASSES];
{arena}
int main(void)
{{
    if (fread(picture, 1, sizeof picture, stdin) != sizeof picture || getchar() != EOF)
        return 2; /* another size */
    {name}_run(picture, scores, {arguments});
    printf("%d", {name}_class(scores));
    for (int i = 0; i < {upper}_CLASSES; i++)
        printf(" %d", scores[i]);
    printf("\\n");
    return 0;
}}
"""


_OTHER_EXAMPLE = """\
/* Reads one input, {upper}_INPUT_BYTES bytes, from standard input; prints the bytes of the outputs as numbers. */
#include <stdio.h>
#include "{name}.h"

static uint32_t {given}[({upper}_INPUT_BYTES + 3) / 4];
static uint32_t {made}[({upper}_OUTPUT_BYTES + 3) / 4];
{arena}
int main(void)
{{
    if (fread({given}, 1, {upper}_INPUT_BYTES, stdin) != {upper}_INPUT_BYTES || getchar() != EOF)
        return 2; /* another size */
    {name}_run((const {taken} *){given}, (int8_t *){made}, {arguments});
    for (int i = 0; i < {upper}_OUTPUT_BYTES; i++)
        printf("%d ", ((const int8_t *){made})[i]);
    printf("\\n");
    return 0;
}}
"""


def _kernel(name: str) -> str:
    return (files(__package__) / "kernels" / f"{name}.c").read_text("utf-8")


@dataclass(frozen=True)
class _Source:
    """What the functions of a program are printed from."""

    program: Program
    plan: Plan
    arrays: Arrays
    name: str
    shared: str  # begins the names of kernels
    interface: Interface
    prefer: str
    forms: list[KernelCall]

    @property
    def host(self) -> bool:
        """Whether pixels lie together, with all their channels."""
        return self.prefer in _HOSTS

    def body(self) -> tuple[set[str], str]:
        """The kernels' files that are needed, and the network's functions."""
        functions = {i: self.function(i, form) for i, form in enumerate(self.forms) if self.works(i, form)}
        arguments = f"({', '.join(self.interface.arguments)})"
        calls = "".join(f"    {self.name}_op{index}{arguments};\n" for index in functions)
        needed = {file for form in self.forms for file in form.files}
        if self.host and (handed_on := self.handed_on(_HOSTS[self.prefer](self.program))):
            calls, needed = calls + handed_on, needed | {"hosts"}
        checks = checked(self.program, self.plan, self.interface, self.name)
        run = f"{self.interface.signature(self.name, 'run')}\n{{\n{checks}{calls}}}\n"
        return needed, "\n".join([*functions.values(), run, *answers(self.program, self.interface, self.name)])

    def works(self, index: int, form: KernelCall) -> bool:
        """Whether the operator has anything to do: not so where its output lies in its input already."""
        if not form.in_place:
            return True
        (x,), y = self.program.of(self.program.operators[index])
        (_, start), at = self.program.operators[index].over((x,), False)[0], self.plan.offsets
        apart = x.name == self.program.input or x.name not in at or y.name not in at
        return apart or at[x.name] != at[y.name] + start

    def handed_on(self, layout: hosts.Layout) -> str:
        """Calls that bring what lies in pixels to the caller."""
        calls = []
        for name in self.program.outputs:
            y = self.program.tensors[name]
            if y.dtype == "int8":
                sizes = f"{prod(y.shape[1:])}, {y.shape[0]}, {layout.width(y)}, {layout.apart}"
                calls.append(f"    host_output({self._read(y)}, {self.interface.address(y)}, {sizes});\n")
        return "".join(calls)

    def function(self, index: int, form: KernelCall) -> str:
        operator = self.program.operators[index]
        inputs, output = self.program.of(operator)
        names = {
            "NAME": self.shared,
            "y": self._write(output),
            "scratch": f"((int8_t *){self.interface.place(self.plan.scratch.get(operator.name, 0))})",
        }
        names |= {f"x{i or ''}": self._read(tensor) for i, tensor in enumerate(inputs)}
        lines: list[str] = []
        if form.packed and form.lanes and form.rounding is not None:
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
        calls.append(form.call.format(**names))
        words = set(re.findall(r"\w+", " ".join((*lines, *calls))))
        lines += [f"(void){argument}" for argument in self.interface.arguments if argument not in words]
        lines += calls
        what = f"{_times(inputs[0])} to {_times(output)}"
        return (
            f"/* {comment(operator.name)}: {type(operator).__name__.lower()}, {what} */\n"
            f"{self.interface.signature(self.name, f'op{index}', 'OPERATOR ')}\n{{\n"
            + "".join(f"    {line};\n" for line in lines)
            + "}\n"
        )

    def _thin(self, form: KernelCall, index: int, name: str, lines: list[str]) -> KernelCall:
        """The form with a lanes_t that is widened whole, behind the kernel's own scratch."""
        packed, steps = form.rounding, form.steps
        assert packed is not None
        assert form.how is not None
        data = self.arrays.add(packed.data if packed.data.size else np.zeros(1, np.uint8), f"op{index}_rounding")
        numbers = (packed.multiplier, packed.count, packed.factor_bits, packed.offset_bits, packed.zeros)
        whole = "0" if steps else self.arrays.add(table(form.how), f"op{index}_table")
        stored = self.arrays.add(steps[0].data, f"op{index}_steps") if steps else "0"
        line = (steps[0].first, steps[0].least, steps[0].bits) if steps else (0, 0, 0)
        at = self.plan.scratch[name] + form.scratch - 256 * len(steps) - 8 * packed.count
        room = f"(int32_t *)((int8_t *){self.interface.place(at)})"
        lines.append(
            f"static const thin_t thin = {{{{{data}, {', '.join(map(str, numbers))}}}, {whole}, {stored}, "
            f"{', '.join(map(str, line))}, {form.how.shift}}}"
        )
        lines.append("lanes_t how")
        return replace(form, how=None, packed=False, call=f"widen_lanes(&thin, {room}, &how);\n    {form.call}")

    def _widened(self, form: KernelCall, index: int, name: str, lines: list[str]) -> tuple[dict[str, str], list[str]]:
        """Where packed constants are widened to, behind the kernel's own scratch, and the calls that do it."""
        packed, steps = form.rounding, form.steps
        at = self.plan.scratch[name] + form.scratch
        names: dict[str, str] = {}
        calls: list[str] = []
        at -= 256 * len(steps)
        for n, each in enumerate(steps):
            data = self.arrays.add(each.data, f"op{index}_steps{n or ''}")
            to = f"(int8_t *){self.interface.place(at + 256 * n)}"
            names.setdefault("table", to)
            calls.append(f"widen_table({data}, {to}, {each.first}, {each.least}, {each.bits})")
        if packed is not None:
            data = self.arrays.add(packed.data if packed.data.size else np.zeros(1, np.uint8), f"op{index}_rounding")
            numbers = (packed.multiplier, packed.count, packed.factor_bits, packed.offset_bits, packed.zeros)
            lines.append(f"static const packed_t packed = {{{data}, {', '.join(map(str, numbers))}}}")
            for n, what in enumerate(("multiplier", "offset")):
                names[what] = f"(int32_t *)((int8_t *){self.interface.place(at - 4 * packed.count * (2 - n))})"
            calls.append(f"widen(&packed, {names['multiplier']}, {names['offset']}, 1)")
        return names, calls

    def _read(self, tensor: Tensor) -> str:
        if tensor.name == self.program.input:
            return self.interface.given
        if self._is_the_callers(tensor):
            return self.interface.address(tensor)
        return f"(const int8_t *){self.interface.place(self.plan.offsets[tensor.name])}"

    def _write(self, tensor: Tensor) -> str:
        if self._is_the_callers(tensor):
            return self.interface.address(tensor)
        return f"(int8_t *){self.interface.place(self.plan.offsets[tensor.name])}"

    def _is_the_callers(self, tensor: Tensor) -> bool:
        return tensor.name in self.program.outputs and (tensor.dtype == "int16" or not self.host)

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
