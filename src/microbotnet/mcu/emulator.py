"""Run an image on an emulated core and count: instructions and cycles of every layer, the deepest stack.

The emulator is unicorn, with the core itself or the nearest that runs all its instructions; that the image has no
others was seen when it was built. Every straight run of
instructions is decoded when it is first met; after that only how often each ran, and what ran before it, is counted.
An instruction belongs to the layer whose function net_op<i> was entered last, helpers it calls included.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Failed
from . import riscv, thumb
from .board import Board, Memory
from .cores import CORES
from .cycles import block_cycles
from .image import SHARED, Image
from .instruction import Instruction, Kind

MINUTES = 10  # after which a picture is given up
PAGE = 4096  # bytes: what the emulator maps


@dataclass(frozen=True)
class Cost:
    """Of one picture. instructions and cycles by owner: a layer's index, or START for the loop around them.

    fetched_bytes: of instructions. accesses: words loaded and stored.
    """

    instructions: dict[int | str, int]
    cycles: dict[int | str, int]
    fetched_bytes: int
    accesses: int

    @property
    def total_instructions(self) -> int:
        """Executed for the picture."""
        return sum(self.instructions.values())

    @property
    def total_cycles(self) -> int:
        """By the model of `cycles`."""
        return sum(self.cycles.values())

    def since(self, before: "Cost") -> "Cost":
        """What was added to `before`."""
        return Cost(
            {owner: count - before.instructions.get(owner, 0) for owner, count in self.instructions.items()},
            {owner: count - before.cycles.get(owner, 0) for owner, count in self.cycles.items()},
            self.fetched_bytes - before.fetched_bytes,
            self.accesses - before.accesses,
        )


@dataclass(frozen=True)
class Execution:
    """What came out.

    outputs: (N, bytes) uint8, see `integer.outputs`. decisions: (N,) int32, the classes decided by vote; (0,) where
    there is none. costs: of each picture. stack_bytes: at its deepest.
    """

    outputs: NDArray[np.uint8]
    decisions: NDArray[np.int32]
    costs: tuple[Cost, ...]
    stack_bytes: int

    @property
    def scores(self) -> NDArray[np.int16]:
        """A classifier's, (N, classes)."""
        return self.outputs.view("<i2").astype(np.int16)


def execute(image: Image, pictures: NDArray[Any], *, counted: bool = True) -> Execution:
    """Reset the board, then give it one picture, or one set of features, after the other.

    Args:
        image: as `build` makes it, without semihosting.
        pictures: (N, bytes) or of any shape behind N that has the network's bytes; before a camera's converter
            frames, (N, height, bytes of a row).
        counted: whether instructions, cycles and the stack are counted, which takes most of the time.

    Raises:
        Failed: the core met a fault; it says what, where and in which function.
    """
    return _Machine(image, counted=counted).run(pictures)


@dataclass(frozen=True)
class _Block:
    """A straight run of instructions, and how deep it goes below the stack pointer with which it begins."""

    instructions: tuple[Instruction, ...]
    cycles: int
    if_taken: int
    depth: int
    accesses: int

    @cached_property
    def end(self) -> int:
        last = self.instructions[-1]
        return last.address + last.size


def _block(code: bytes, address: int, board: Board) -> _Block:
    found = tuple((riscv if CORES[board.core].riscv else thumb).decode(code, address))
    depth = deepest = 0
    for instruction in found:
        depth += instruction.stack
        deepest = max(deepest, depth)
    accesses = sum(i.registers or i.kind in (Kind.LOAD, Kind.STORE) for i in found)
    return _Block(found, *block_cycles(found, board), deepest, accesses)


class _Machine:
    """A core with its memories, and the counts since reset."""

    def __init__(self, image: Image, *, counted: bool = True) -> None:
        unicorn: Any = import_module("unicorn")  # on first use: `microbotnet[mcu]` brings it
        self.image, self.board, self.unicorn, kind = image, image.board, unicorn, CORES[image.board.core]
        self.thumb = not kind.riscv
        if kind.riscv:
            names: Any = import_module("unicorn.riscv_const")
            self.stack, self.first, self.back, self.at = (
                getattr(names, f"UC_RISCV_REG_{name}") for name in ("SP", "A0", "RA", "PC")
            )
            core: Any = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        else:
            names = import_module("unicorn.arm_const")
            self.stack, self.first, self.back, self.at = (
                getattr(names, f"UC_ARM_REG_{name}") for name in ("SP", "R0", "LR", "PC")
            )
            core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)  # UC_MODE_MCLASS would mean an M33
        core.ctl_set_cpu_model(getattr(names, f"UC_CPU_{kind.emulated}"))
        code, data, beyond = self.board.code, self.board.data, self.board.beyond
        self.core, self.fault = core, ""
        self._map([code], unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        self._map([data, *([beyond] if beyond else [])], unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        core.mem_write(code.address, image.raw)
        self.blocks: dict[int, _Block] = {}
        self.edges: dict[int | str, defaultdict[tuple[int, int], int]] = {}
        self.lowest = data.end
        self.functions = [symbol for symbol in image.symbols if symbol.region == "code"]
        if counted:
            core.hook_add(unicorn.UC_HOOK_BLOCK, self._block_hook())
        core.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._bad_access)
        core.hook_add(unicorn.UC_HOOK_INTR, self._exception)

    def _map(self, memories: list[Memory], rights: int) -> None:
        """The pages in which they lie; what is in a page but in no memory is none."""
        kinds = self.unicorn.UC_HOOK_MEM_READ | self.unicorn.UC_HOOK_MEM_WRITE
        mapped = 0  # up to here
        for memory in sorted(memories, key=lambda memory: memory.address):
            begin, end = memory.address // PAGE * PAGE, -(-memory.end // PAGE) * PAGE
            first = max(begin, mapped)
            if first < end:
                self.core.mem_map(first, end - first, rights)
            inside = [(m.address, m.end) for m in memories if m.address < end and begin < m.end]
            at = begin
            for low, high in [*sorted(inside), (end, end)]:
                if at < low:
                    self.core.hook_add(kinds, self._in_no_memory, begin=at, end=low - 1)
                at = max(at, high)
            mapped = end

    def run(self, pictures: NDArray[Any]) -> Execution:
        addresses, core = self.image.addresses, self.core
        wait = addresses.get("await_row", addresses["await_picture"])
        size = next(symbol.size for symbol in self.image.symbols if symbol.name == "scores")
        if self.thumb:
            stack, reset = (int.from_bytes(self.image.raw[i : i + 4], "little") for i in (0, 4))
            core.reg_write(self.stack, stack)
        else:
            reset = self.board.code.address
        self._go(reset, wait)
        before, outputs, decisions, costs = self._cost(), [], [], []
        for picture in pictures:
            for part in picture if "await_row" in addresses else [picture]:
                core.mem_write(core.reg_read(self.first), part.tobytes())
                self._go(core.reg_read(self.back), wait)
            after = self._cost()
            costs.append(after.since(before))
            before = after
            outputs.append(np.frombuffer(core.mem_read(addresses["scores"], size), np.uint8))
            if "decision" in addresses:
                decisions.append(int.from_bytes(core.mem_read(addresses["decision"], 4), "little"))
        return Execution(
            np.array(outputs, np.uint8).reshape(-1, size),
            np.array(decisions, np.int32),
            tuple(costs),
            self.board.data.end - self.lowest,
        )

    def _go(self, start: int, until: int) -> None:
        try:
            self.core.emu_start(start | self.thumb, until, timeout=MINUTES * 60 * 10**6)
        except self.unicorn.UcError as error:
            self.fault = self.fault or str(error)
        at = self.core.reg_read(self.at)
        if self.fault or at & ~int(self.thumb) != until:
            why = self.fault or f"no end after {MINUTES} minutes"
            raise Failed(f"the emulated {self.board.core} stopped at {at:#x} in {self._function(at)}: {why}")

    def _cost(self) -> Cost:
        """Everything since reset."""
        instructions: dict[int | str, int] = {}
        cycles: dict[int | str, int] = {}
        fetched = accesses = 0
        for owner, edges in self.edges.items():
            instructions[owner] = cycles[owner] = 0
            for (before, at), count in edges.items():
                block, last = self.blocks[at], self.blocks.get(before)
                instructions[owner] += count * len(block.instructions)
                cycles[owner] += count * block.cycles
                if last is not None and last.end != at:
                    cycles[owner] += count * last.if_taken
                fetched += count * (block.end - at)
                accesses += count * block.accesses
        return Cost(instructions, cycles, fetched, accesses)

    def _block_hook(self) -> Callable[..., None]:
        """Counts each step from one straight run of instructions to the next, under the layer that runs."""
        special: dict[int, tuple[int | str | None, int] | None] = {}  # blocks seen: owner to change to, stack depth
        edges, last = defaultdict[tuple[int, int], int](int), 0
        read, stack_pointer = self.core.reg_read, self.stack

        def hook(core: Any, address: int, size: int, _: Any) -> None:
            nonlocal edges, last
            try:
                found = special[address]
            except KeyError:
                found = special[address] = self._learn(address, size)
            if found is not None:
                owner, depth = found
                if owner is not None:
                    edges = self.edges.setdefault(owner, defaultdict(int))
                if depth:
                    self.lowest = min(self.lowest, read(stack_pointer) - depth)
            edges[last, address] += 1
            last = address

        return hook

    def _learn(self, address: int, size: int) -> tuple[int | str | None, int] | None:
        block = self.blocks[address] = _block(bytes(self.core.mem_read(address, size)), address, self.board)
        index = bisect_right(self.functions, address, key=lambda symbol: symbol.address) - 1
        owner = self.functions[index].owner if index >= 0 else SHARED
        if owner == SHARED and not block.depth:
            return None
        return (None if owner == SHARED else owner), block.depth

    def _bad_access(self, core: Any, access: int, address: int, size: int, value: int, _: Any) -> bool:
        kinds = {"READ": "read", "WRITE": "write", "FETCH": "fetch"}
        name = next(n for n in dir(self.unicorn) if n.startswith("UC_MEM_") and getattr(self.unicorn, n) == access)
        what = next(word for key, word in kinds.items() if key in name)
        where = "into read-only memory" if "PROT" in name and what == "write" else "outside memory"
        self.fault = f"{what} of {size} bytes at {address:#x}, {where}"
        return False

    def _in_no_memory(self, core: Any, access: int, address: int, size: int, value: int, _: Any) -> None:
        what = "write" if access == self.unicorn.UC_MEM_WRITE else "read"
        self.fault = f"{what} of {size} bytes at {address:#x}, outside memory"
        core.emu_stop()

    def _exception(self, core: Any, number: int, _: Any) -> None:
        what = {1: "undefined instruction", 3: "instruction fetch fault", 4: "unaligned access", 7: "breakpoint"}
        if not self.thumb:
            what = {1: "fetch fault", 2: "undefined instruction", 3: "breakpoint", 4: "unaligned load",
                    6: "unaligned store"}  # fmt: skip
        self.fault = what.get(number, f"exception {number}")
        core.emu_stop()

    def _function(self, address: int) -> str:
        inside = [s.name for s in self.functions if s.address <= address < s.address + s.size]
        return inside[-1] if inside else "no function"
