"""Depthwise convolutions with weights of 8 bits over small maps, as straight Armv6-M code: no product with padding.

The code follows from the windows and the shifts alone, and is printed once for all layers that have them in common. A
channel's map, less its zero point, and its kernel are widened to words on the stack; then every output row is summed
up in registers, requantized and stored.
"""

from functools import cached_property

from .assembly import CLAMP, SLOTS, Depthwise, entered, finished, guarded, next_rounding, products, steps, widened

ROW = 4  # outputs at once, in r4 … r7
LARGEST_MAP, LARGEST_KERNEL, LARGEST_OUTPUT, LONGEST = 64, 32, 32, 400  # values, weights, outputs, products


class Unrolled(Depthwise):
    """The code of a whole channel."""

    kind = "depthwise"

    @property
    def products(self) -> list[list[tuple[int, int]]]:
        """For each output, its places in the map and in the kernel."""
        (height, width), w = self.size, self.window
        found = []
        for i in range(self.made[0]):
            for j in range(self.made[1]):
                top, left = i * w.stride[0] - w.padding[0], j * w.stride[1] - w.padding[1]
                inside = [
                    ((top + u) * width + left + v, u * w.kernel[1] + v)
                    for u in range(w.kernel[0])
                    for v in range(w.kernel[1])
                    if 0 <= top + u < height and 0 <= left + v < width
                ]
                found.append(inside)
        return found

    @property
    def possible(self) -> bool:
        """Whether it is worth its code."""
        values, weights, outputs = (rows * columns for rows, columns in (self.size, self.window.kernel, self.made))
        small = values <= LARGEST_MAP and weights <= LARGEST_KERNEL and outputs <= LARGEST_OUTPUT
        return small and sum(map(len, self.products)) <= LONGEST

    @property
    def instructions(self) -> int:
        """Of a channel, about: those of the function, without the clamps, which are rarely taken."""
        return len(self.lines) - CLAMP * self.made[0] * self.made[1]

    def text(self) -> str:
        """The function in C, its body as assembly; for other processors a name of the plain one."""
        signature = "const int8_t *x, int8_t *y, const int8_t *weights, const mapped_t *m"
        return guarded(self.name, signature, self.lines, f"#define NAME_{self.name} depthwise_mapped\n")

    @cached_property
    def lines(self) -> list[str]:
        """Its instructions, and few directives."""
        values, weights, outputs = (rows * columns for rows, columns in (self.size, self.window.kernel, self.made))
        slots = {name: 4 * (values + weights + i) for i, name in enumerate(SLOTS)}
        frame = 4 * (values + weights + len(SLOTS))
        lines = [f"sub sp, #{step}" for step in steps(frame, 508)]
        lines += entered(slots)
        lines += ["adr r4, 5f", "adds r4, #1", f"str r4, [sp, #{slots['again']}]", ".p2align 2", "5:"]
        lines += ["mov r0, r8", f"ldr r6, [sp, #{slots['zero']}]", "mov r7, sp", *widened(values, "r6"), "mov r8, r0"]
        lines += ["mov r0, r10", *widened(weights, ""), "mov r10, r0"]
        lines += next_rounding(slots, self.started, self.pre_shift)
        columns = self.made[1]
        for row in range(0, outputs, columns):
            for first in range(row, row + columns, ROW):
                block = self.products[first : min(first + ROW, row + columns)]
                started: set[int] = set()
                lines += products(
                    block, lambda at: f"[sp, #{4 * at}]", lambda at: f"[sp, #{4 * (values + at)}]", started
                )
                lines += [f"movs r{4 + n}, #0" for n in range(len(block)) if n not in started]
                lines += [f"ldr r0, [sp, #{slots['factor']}]", f"ldr r1, [sp, #{slots['table']}]", "mov r2, r9"]
                for n in range(len(block)):
                    lines += finished(f"r{4 + n}", first + n, self.pre_shift, self.shift, self.started)
        lines += ["mov r0, r9", f"adds r0, #{outputs}", "mov r9, r0", "mov r0, lr", "subs r0, #1", "mov lr, r0"]
        lines += ["beq 6f", f"ldr r0, [sp, #{slots['again']}]", "bx r0", "6:"]
        return lines + [f"add sp, #{step}" for step in steps(frame, 508)]
