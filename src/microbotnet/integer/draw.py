"""What random programs are made of: an operator of each kind, with fields drawn so that its sums fit."""

from dataclasses import replace

import numpy as np

from .operators import (
    Add,
    Concatenate,
    Convolve,
    Extreme,
    Gate,
    Lookup,
    MaxPool,
    Operator,
    Pad,
    RescaledConvolve,
    Rounded,
    Softmax,
    SumPool,
    View,
    WindowSum,
)  # fmt: skip
from .program import Program, Requantize, Shape, Tensor
from .ranges import Range, requantized, sums
from .rescale import HIGHEST, LARGEST, rescale


class Draw:
    """Grows a program, an operator at a time.

    saturating: weights are the least and the largest that there are, zero points the ends of a byte, and most outputs
    beyond what a byte holds.
    """

    def __init__(self, rng: np.random.Generator, *, saturating: bool = False) -> None:
        self.rng, self.saturating = rng, saturating
        self.tensors: dict[str, Tensor] = {}
        self.operators: list[Operator] = []

    def tensor(self, name: str, shape: tuple[int, int, int], dtype: str, low: int = 0, high: int = 255) -> Tensor:
        zero = int(np.clip(self.rng.choice([-128, 127] if self.saturating else [0, -128, 5, -3]), low, high))
        made = Tensor(name, shape, dtype, 2.0 ** -int(self.rng.integers(1, 8)), zero, low, high)
        self.tensors[name] = made
        return made

    def grow(self, kind: str, x: Tensor) -> Tensor:
        """Add what `kind` names behind x; what it makes, or x itself where that is not possible."""
        made: Tensor = getattr(self, kind)(x)
        return made

    def depthwise(self, x: Tensor) -> Tensor:
        return self.convolve(x, depthwise=True)

    def residual(self, x: Tensor) -> Tensor:
        return self.add(x, self.convolve(x, same=True))

    def squeezed(self, x: Tensor) -> Tensor:
        return self.gate(x, self.convolve(self.pool(x, whole=True), same=True))

    def joined(self, x: Tensor) -> Tensor:
        return self.concatenate(x, self.convolve(x, pointwise=True))

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
        if self.saturating:  # of a row all alike, or of both signs
            signs = np.where(rng.random((outputs, 1, 1, 1)) < 0.5, 1, rng.choice([-1, 1], weights.shape))
            weights = (signs * rng.choice([-1, 1], (outputs, 1, 1, 1)) * values[-1]).astype(np.int8)
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

    def rescaled(self, x: Tensor) -> Tensor:
        """A convolution as TensorFlow Lite has them: of weights down to −128, of factors below and above 1."""
        rng, (channels, rows, columns) = self.rng, x.shape
        groups = channels if rng.integers(2) else 1
        outputs = channels if groups > 1 else int(rng.choice([1, 3, 8, 17]))
        kernel = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        stride = int(rng.integers(1, 3)), int(rng.integers(1, 3))
        size = [-(-n // s) for n, s in zip((rows, columns), stride, strict=True)]
        before = [max(0, (m - 1) * s + k - n) // 2
                  for m, s, k, n in zip(size, stride, kernel, (rows, columns), strict=True)]  # fmt: skip
        weights = rng.integers(-128, 128, (outputs, channels // groups, *kernel)).astype(np.int8)
        count = outputs if rng.integers(2) else 1
        zero, low, high = int(rng.integers(-128, 128)), *sorted(int(n) for n in rng.integers(-128, 128, 2))
        table = rng.integers(-128, 128, 256).astype(np.int8) if rng.random() < 0.3 else None
        reach = 2**15 * weights[0].size
        factor = 2.0 ** rng.uniform(-12, min(2, np.log2(LARGEST / reach) - 1), count)
        how = rescale(factor, rng.integers(-reach, reach, count) // 8, zero_point=zero, low=low, high=high, table=table)
        name = self.name("rescaled")
        self.operators.append(
            RescaledConvolve(name, x.name, name, weights, 8, stride, (before[0], before[1]), groups, how)
        )
        return self.tensor(name, (outputs, size[0], size[1]), "int8", *how.span)

    def softmax(self, x: Tensor) -> Tensor:
        falling = HIGHEST * np.exp(-np.arange(256) * self.rng.uniform(0, 0.5))
        falling[self.rng.integers(1, 257) :] = 0
        name = self.name("softmax")
        self.operators.append(Softmax(name, x.name, name, falling.astype(np.int64).astype(np.int32)))
        return self.tensor(name, x.shape, "int8", -128, 127)

    def finish(self, operator: Rounded, shape: tuple[int, int, int], dtype: str = "int8") -> Tensor:
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
        kept = (14 if dtype == "int16" else 6) + 3 * self.saturating  # bits of the largest sum
        shift = min(max(largest.bit_length() - kept, 0), 31)
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

    def same(self, x: Tensor) -> Tensor:
        """A convolution padded as much as an output of x's size over its stride needs, more behind than before."""
        rng, (channels, rows, columns) = self.rng, x.shape
        kernel, stride = (int(rng.integers(1, 5)), int(rng.integers(1, 5))), (int(rng.integers(1, 4)),) * 2
        size = [-(-n // s) for n, s in zip((rows, columns), stride, strict=True)]
        before = [
            max(0, (m - 1) * s + k - n) // 2 for m, s, k, n in zip(size, stride, kernel, (rows, columns), strict=True)
        ]
        groups = channels if rng.integers(2) else 1
        outputs = channels if groups > 1 else int(rng.choice([1, 3, 8]))
        values = [-1, 0, 1] if rng.integers(2) else range(-127, 128)
        weights = rng.choice(np.array(values), (outputs, channels // groups, *kernel)).astype(np.int8)
        name = self.name("same")
        operator = Convolve(name, x.name, name, weights, 2 if len(values) == 3 else 8, stride, (before[0], before[1]),
                            groups, _unit(outputs))  # fmt: skip
        return self.finish(operator, (outputs, size[0], size[1]))

    def view(self, x: Tensor, shape: Shape, sizes: list[int], strides: list[int], start: int = 0) -> Tensor:
        name = self.name("view")
        self.operators.append(View(name, x.name, name, tuple(sizes), tuple(strides), start))
        return self.alike(x, name, shape)

    def alike(self, x: Tensor, name: str, shape: Shape) -> Tensor:
        self.tensors[name] = replace(x, name=name, shape=shape)
        return self.tensors[name]

    def slice(self, x: Tensor) -> Tensor:
        first = [int(self.rng.integers(0, n)) for n in x.shape]
        count = [int(self.rng.integers(1, n - f + 1)) for n, f in zip(x.shape, first, strict=True)]
        area = x.shape[1] * x.shape[2]
        start = first[0] * area + first[1] * x.shape[2] + first[2]
        return self.view(x, (count[0], count[1], count[2]), count, [area, x.shape[2], 1], start)

    def halves(self, x: Tensor) -> Tensor:
        """Both halves of the channels, one through a table, joined the other way round."""
        half, area = x.shape[0] // 2, x.shape[1] * x.shape[2]
        if not half:
            return x
        a, b = (self.view(x, (half, *x.shape[1:]), [half * area], [1], i * half * area) for i in (0, 1))
        return self.concatenate(self.lookup(b), a)

    def turn(self, x: Tensor) -> Tensor:
        axes = [int(axis) for axis in self.rng.permutation(3)]
        steps = (x.shape[1] * x.shape[2], x.shape[2], 1)
        shape = (x.shape[axes[0]], x.shape[axes[1]], x.shape[axes[2]])
        return self.view(x, shape, list(shape), [steps[axis] for axis in axes])

    def shuffle(self, x: Tensor) -> Tensor:
        groups = int(self.rng.choice([n for n in range(1, x.shape[0] + 1) if x.shape[0] % n == 0]))
        each, area = x.shape[0] // groups, x.shape[1] * x.shape[2]
        return self.view(x, x.shape, [each, groups, area], [area, each * area, 1])

    def enlarge(self, x: Tensor) -> Tensor:
        channels, rows, columns = x.shape
        if rows * columns > 64:
            return x
        return self.view(x, (channels, 2 * rows, 2 * columns), [channels, rows, 2, columns, 2],
                         [rows * columns, columns, 0, 1, 0])  # fmt: skip

    def flip(self, x: Tensor) -> Tensor:
        channels, rows, columns = x.shape
        return self.view(x, x.shape, [channels * rows, columns], [columns, -1], columns - 1)

    def border(self, x: Tensor) -> Tensor:
        before, behind = ([int(n) for n in self.rng.integers(0, 3, 3)] for _ in "ab")
        shape = tuple(n + a + b for n, a, b in zip(x.shape, before, behind, strict=True))
        fill, name = int(self.rng.integers(-128, 128)), self.name("border")
        self.operators.append(Pad(name, x.name, name, (before[0], before[1], before[2]), fill))
        made = self.alike(x, name, (shape[0], shape[1], shape[2]))
        self.tensors[name] = replace(made, low=min(x.low, fill), high=max(x.high, fill))
        return self.tensors[name]

    def extreme(self, x: Tensor) -> Tensor:
        other, largest = self.lookup(x), bool(self.rng.integers(2))
        name = self.name("extreme")
        self.operators.append(Extreme(name, (x.name, other.name), name, largest))
        made, pick = self.alike(x, name, x.shape), max if largest else min
        self.tensors[name] = replace(made, low=pick(x.low, other.low), high=pick(x.high, other.high))
        return self.tensors[name]

    def product(self, x: Tensor) -> Tensor:
        return self.gate(x, x if self.rng.integers(4) == 0 else self.lookup(x))

    def spatial(self, x: Tensor) -> Tensor:
        """A gate for each pixel, row or column."""
        gate = self.view(x, (1, *x.shape[1:]), [x.shape[1] * x.shape[2]], [1])
        if self.rng.integers(2):
            gate = self.view(x, (1, 1, x.shape[2]), [x.shape[2]], [1])
        return self.gate(x, gate)

    def uneven(self, x: Tensor) -> Tensor:
        """As adaptive pools cut: windows of several sizes that may overlap."""
        ends = []
        for n in x.shape[1:]:
            count = int(self.rng.integers(1, n + 1))
            ends.append(tuple((i * n // count, -(-(i + 1) * n // count)) for i in range(count)))
        name = self.name("uneven")
        operator = WindowSum(name, x.name, name, ends[0], ends[1], _unit(1))
        return self.finish(operator, (x.shape[0], len(ends[0]), len(ends[1])))


def _unit(channels: int) -> Requantize:
    return Requantize(np.ones(channels, np.int32), np.zeros(channels, np.int32), 0, 0, 0, 0)
