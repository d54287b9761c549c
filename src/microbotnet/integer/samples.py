"""Random programs and pictures, to hold an engine against the interpreter."""

import numpy as np
from numpy.typing import NDArray

from .operators import Add, Concatenate, Convolve, Gate, Lookup, MaxPool, Operator, SumPool
from .program import Pair, Program, Requantize, Tensor
from .ranges import Range, requantized, sums


def random_program(seed: int, *, size: Pair | None = None, operators: int = 6) -> Program:
    """A small network of every kind of operator at awkward shapes, whose sums are proven to fit.

    Odd maps, one channel, one pixel, strides with padding at every edge, groups, all-zero and extreme kernels and
    scales, residual adds, gates and concatenations occur, and scores by one kernel a channel. The same seed gives the
    same program.

    Args:
        size: rows and columns of the picture; None draws them from 1 to 9.
        operators: about how many, before pooling and the classifier.
    """
    draw = _Draw(np.random.default_rng(seed))
    rng = draw.rng
    rows, columns = size or (int(rng.integers(1, 10)), int(rng.integers(1, 10)))
    x = draw.tensor("picture", (3, rows, columns), "uint8")
    x = draw.lookup(x)
    for _ in range(operators):
        kind = rng.choice(["convolve", "depthwise", "residual", "gate", "lookup", "max", "sum", "concatenate"])
        if kind == "convolve":
            x = draw.convolve(x)
        elif kind == "depthwise":
            x = draw.convolve(x, depthwise=True)
        elif kind == "lookup":
            x = draw.lookup(x)
        elif kind == "residual":
            x = draw.add(x, draw.convolve(x, same=True))
        elif kind == "gate":
            x = draw.gate(x, draw.convolve(draw.pool(x, whole=True), same=True))
        elif kind == "concatenate":
            x = draw.concatenate(x, draw.convolve(x, pointwise=True))
        elif kind == "max":
            x = draw.max(x)
        else:
            x = draw.pool(x)
    if seed % 10 == 8:  # a classifier of one channel, or one kernel a channel: its scores are not a byte each
        x = draw.convolve(x, scores=1) if x.shape[0] == 1 else draw.convolve(x, depthwise=True, scores=x.shape[0])
    elif seed % 5 == 4:  # as SqueezeNet ends
        x = draw.pool(x, whole=True, scores=True)
    else:
        x = draw.convolve(x, scores=int(rng.integers(1, 12)))
    labels = tuple(f"class {i}" for i in range(x.shape[0]))
    return Program(draw.tensors, tuple(draw.operators), "picture", (x.name,), labels)


def random_pictures(program: Program, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """(count, channels, rows, columns) uint8: noise, the first two all black and all white."""
    shape = program.tensors[program.input].shape
    pictures = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    pictures[:1], pictures[1:2] = 0, 255
    return pictures


class _Draw:
    """Grows a program, an operator at a time."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.tensors: dict[str, Tensor] = {}
        self.operators: list[Operator] = []

    def tensor(self, name: str, shape: tuple[int, int, int], dtype: str, low: int = 0, high: int = 255) -> Tensor:
        zero = int(np.clip(self.rng.choice([0, -128, 5, -3]), low, high))
        made = Tensor(name, shape, dtype, 2.0 ** -int(self.rng.integers(1, 8)), zero, low, high)
        self.tensors[name] = made
        return made

    def name(self, kind: str) -> str:
        return f"{kind}{len(self.operators)}"

    def lookup(self, x: Tensor) -> Tensor:
        tables = self.rng.integers(-128, 128, (int(self.rng.choice([1, x.shape[0]])), 256)).astype(np.int8)
        name = self.name("lookup")
        self.operators.append(Lookup(name, x.name, name, tables))
        return self.tensor(name, x.shape, "int8", int(tables.min()), int(tables.max()))

    def convolve(
        self,
        x: Tensor,
        *,
        depthwise: bool = False,
        same: bool = False,
        pointwise: bool = False,
        scores: int = 0,
    ) -> Tensor:
        rng, (channels, rows, columns) = self.rng, x.shape
        if scores:
            kernel, stride, padding = (rows, columns), (1, 1), (0, 0)
        elif pointwise:
            kernel, stride, padding = (1, 1), (1, 1), (0, 0)
        else:
            k = int(rng.choice([1, 2, 3, 5] if not same else [1, 3, 5]))
            p = k // 2 if same else int(rng.integers(0, k // 2 + 1))
            p = max(p, -(-(k - min(rows, columns)) // 2), 0)
            s = 1 if same else int(rng.integers(1, 4))
            kernel, stride, padding = (k, k), (s, s if same else int(rng.integers(1, 4))), (p, p)
        outputs = scores or (channels if depthwise or same else int(rng.choice([1, 2, 3, 8, 13, 16])))
        groups = channels if depthwise else 1
        bits = int(rng.choice([1, 2, 2, 2, 8]))
        values = np.array({1: [-1, 1], 2: [-1, 0, 0, 1], 8: range(-127, 128)}[bits])
        weights = rng.choice(values, (outputs, channels // groups, *kernel)).astype(np.int8)
        if bits != 1 and rng.random() < 0.1:
            weights[:] = 0
        name = self.name("convolve")
        size = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(x.shape[1:], padding, kernel, stride, strict=True)]
        shape = (outputs, size[0], size[1])
        operator = Convolve(name, x.name, name, weights, bits, stride, padding, groups, _unit(outputs))
        return self.finish(operator, shape, dtype="int16" if scores else "int8")

    def pool(self, x: Tensor, *, whole: bool = False, scores: bool = False) -> Tensor:
        _, rows, columns = x.shape
        kernel = (rows, columns) if whole else tuple(int(self.rng.integers(1, n + 1)) for n in (rows, columns))
        stride = (1, 1) if whole else tuple(int(self.rng.integers(1, 3)) for _ in "rc")
        size = [(n - k) // s + 1 for n, k, s in zip((rows, columns), kernel, stride, strict=True)]
        name = self.name("pool")
        operator = SumPool(name, x.name, name, (kernel[0], kernel[1]), (stride[0], stride[1]), _unit(1))
        return self.finish(operator, (x.shape[0], size[0], size[1]), dtype="int16" if scores else "int8")

    def max(self, x: Tensor) -> Tensor:
        _, rows, columns = x.shape
        k = [int(self.rng.integers(1, min(n, 3) + 1)) for n in (rows, columns)]
        s = [int(self.rng.integers(1, 3)) for _ in k]
        p = [int(self.rng.integers(0, n // 2 + 1)) for n in k]
        up = bool(self.rng.integers(2))
        size = []
        for n, kernel, stride, padding in zip((rows, columns), k, s, p, strict=True):
            count = (n + 2 * padding - kernel + (stride - 1 if up else 0)) // stride + 1
            if (count - 1) * stride >= n + padding:  # a window must begin inside
                count -= 1
            size.append(count)
        name = self.name("max")
        self.operators.append(MaxPool(name, x.name, name, (k[0], k[1]), (s[0], s[1]), (p[0], p[1])))
        made = Tensor(name, (x.shape[0], size[0], size[1]), "int8", x.scale, x.zero_point, x.low, x.high)
        self.tensors[name] = made
        return made

    def add(self, a: Tensor, b: Tensor) -> Tensor:
        name = self.name("add")
        multipliers = tuple(int(m) for m in self.rng.integers(1, 2**20, 2))
        return self.finish(Add(name, (a.name, b.name), name, (multipliers[0], multipliers[1]), _unit(1)), a.shape)

    def gate(self, x: Tensor, g: Tensor) -> Tensor:
        name = self.name("gate")
        return self.finish(Gate(name, (x.name, g.name), name, _unit(1)), x.shape)

    def concatenate(self, *parts: Tensor) -> Tensor:
        name = self.name("concatenate")
        shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
        made = self.tensor(name, shape, "int8", -128, 127)
        hows = tuple(self.requantize(Range(np.array([t.low]), np.array([t.high])), 1, "int8") for t in parts)
        self.operators.append(Concatenate(name, tuple(part.name for part in parts), name, hows))
        return made

    def finish(
        self, operator: Convolve | SumPool | Add | Gate, shape: tuple[int, int, int], dtype: str = "int8"
    ) -> Tensor:
        """Give the operator a random requantization that fits, and the program the operator."""
        program = Program(self.tensors | {operator.output: Tensor("", shape, dtype, 1.0, 0, 0, 0)}, (), "", ())
        (found,) = sums(program, operator)
        how = self.requantize(found, len(found.low), dtype, unit=isinstance(operator, Add))
        self.operators.append(type(operator)(**(vars(operator) | {"requantize": how})))
        low, high = (how.low, how.high) if how.table is None else (int(how.table.min()), int(how.table.max()))
        return self.tensor(operator.output, shape, dtype, low, high)

    def requantize(self, found: Range, channels: int, dtype: str, *, unit: bool = False) -> Requantize:
        rng = self.rng
        limits = (-32768, 32767) if dtype == "int16" else (-128, 127)
        pre = max(found.bits - 16, 0) if not unit else 0
        top = max(1, 2**29 // max(int(np.abs([found.low >> pre, found.high >> pre]).max()), 2**pre))
        top = min(top, int(rng.choice([2**15 - 1, 2**24])))
        multiplier = rng.integers(-top, top + 1, channels)
        if unit:
            multiplier[:] = 1
        largest = int(np.abs(np.stack([found.low >> pre, found.high >> pre]) * multiplier).max())
        shift = min(max(largest.bit_length() - (14 if dtype == "int16" else 6), 0), 31)
        offset = rng.integers(-(2 ** min(shift + 6, 29)), 2 ** min(shift + 6, 29), channels)
        low, high = sorted(int(v) for v in rng.integers(limits[0], limits[1] + 1, 2))
        if rng.random() < 0.7 or dtype == "int16":
            low, high = limits
        table = rng.integers(-128, 128, 256).astype(np.int8) if dtype == "int8" and rng.random() < 0.3 else None
        how = Requantize(multiplier.astype(np.int32), offset.astype(np.int32), pre, shift, low, high, table)
        low_end, high_end = requantized(found, how)
        assert low_end.min() >= -(2**31)
        assert high_end.max() < 2**31
        return how


def _unit(channels: int) -> Requantize:
    return Requantize(np.ones(channels, np.int32), np.zeros(channels, np.int32), 0, 0, 0, 0)
