"""What the caller of a program's C gives and gets."""

from dataclasses import dataclass
from functools import cached_property
from math import prod

from ...integer.outputs import output_bytes, places
from ...integer.program import Program, Tensor


@dataclass(frozen=True)
class Interface:
    """The arguments of NAME_run: an input, a buffer for all outputs, an arena, in one piece or in two."""

    program: Program
    split: int | None = None

    @property
    def taken(self) -> Tensor:
        """The input."""
        return self.program.tensors[self.program.input]

    @property
    def given(self) -> str:
        """What the input is called."""
        return "picture" if self.taken.dtype == "uint8" else "features"

    @property
    def is_classifier(self) -> bool:
        """Whether scores come out, and nothing else."""
        return len(self.program.outputs) == 1 and self.program.result.dtype == "int16"

    @property
    def made(self) -> str:
        """What the buffer is called."""
        if len(self.program.outputs) > 1:
            return "outputs"
        return "scores" if self.is_classifier else "output"

    @property
    def types(self) -> tuple[str, str]:
        """Of an element of the input and of the buffer."""
        return f"{self.taken.dtype}_t", "int16_t" if self.is_classifier else "int8_t"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Their names."""
        return (self.given, self.made, "arena", *(["beyond"] if self.split is not None else []))

    def place(self, offset: int) -> str:
        """The arena's byte at `offset`, as C."""
        if self.split is not None and offset >= self.split:
            return f"beyond + {offset - self.split}"
        return f"arena + {offset}"

    def signature(self, name: str, what: str, kind: str = "") -> str:
        """The declaration of a function with these arguments."""
        taken, made = self.types
        rest = "".join(f", void *{part}" for part in self.arguments[2:])
        return f"{kind}void {name}_{what}(const {taken} *{self.given}, {made} *{self.made}{rest})"

    @cached_property
    def offsets(self) -> dict[str, int]:
        """The byte of the buffer at which each output begins."""
        return places(self.program)

    def address(self, tensor: Tensor) -> str:
        """An output in the buffer, as C."""
        at = self.offsets[tensor.name]
        if tensor.dtype == "int16" and not self.is_classifier:
            return f"(int16_t *)(void *)({self.made} + {at})"
        return f"{self.made} + {at}" if at else self.made

    def constants(self, upper: str) -> str:
        """The header's lines that say the sizes of input and outputs."""
        name, (taken, made) = upper.lower(), self.types
        lines = [f"typedef {taken} {name}_input_t;", f"typedef {made} {name}_output_t;\n"]
        lines.append(f"#define {upper}_INPUT_BYTES {prod(self.taken.shape)} /* {_shape(self.taken)} */")
        if self.is_classifier:
            lines.append(f"#define {upper}_CLASSES {self.program.result.shape[0]}")
        lines.append(f"#define {upper}_OUTPUT_BYTES {output_bytes(self.program)}")
        if len(self.program.outputs) > 1:
            lines += [
                f"#define {upper}_OUTPUT{i}_OFFSET {self.offsets[name]} /* {_held(self.program.tensors[name])} */"
                for i, name in enumerate(self.program.outputs)
            ]
        return "\n".join(lines)

    def words(self, upper: str) -> str:
        """The header's sentences about the input and the buffer."""
        if self.given == "picture":
            words = f"picture: {upper}_INPUT_BYTES bytes, all of one channel, then of the next.\n"
        else:
            words = f"features: {_held(self.taken)}; at an address that 4 divides.\n"
        words += f"   It may lie in the arena, from byte {upper}_INPUT_OFFSET on, and is then written over.\n"
        if self.is_classifier:
            return words + f"   scores: {upper}_CLASSES numbers; the class is the first of the largest.\n"
        if len(self.program.outputs) == 1:
            return words + f"   output: {_held(self.program.result)}; at an address that 4 divides.\n"
        return words + (
            f"   outputs: {upper}_OUTPUT_BYTES bytes at an address that 4 divides; each output begins at its offset.\n"
        )


def _shape(tensor: Tensor) -> str:
    if tensor.shape[1:] == (1, 1):
        return f"{tensor.shape[0]} values"
    return f"{' x '.join(map(str, tensor.shape))}: channels, rows, columns"


def _held(tensor: Tensor) -> str:
    return f"{_shape(tensor)}; {tensor.dtype} q stands for {tensor.scale:.9g} * (q - {tensor.zero_point})"
