"""The cores that a board can name: their instruction sets, how each is compiled for and emulated, its cycle model."""

from dataclasses import dataclass

ARMV6M = frozenset({"armv6-m"})
ARMV8M_BASE = ARMV6M | {"armv8-m.base"}  # divisions, cbz, movw, long branches
ARMV7M = ARMV8M_BASE | {"armv7-m"}
ARMV7EM = ARMV7M | {"dsp"}
RV32EC = frozenset({"rv32e"})
RV32IMC = RV32EC | {"rv32i", "m"}


@dataclass(frozen=True)
class Core:
    """A kind of core.

    has: the instruction sets that `thumb` and `riscv` tell apart. compiled: what zig calls it. emulated: unicorn's
    model, which may run more than the core does; the image is decoded, so that nothing more is in it.
    cycles: a key of the tables of `cycles`, or None: the maker says too little for a model.
    """

    name: str
    has: frozenset[str]
    compiled: str
    emulated: str
    cycles: str | None

    @property
    def riscv(self) -> bool:
        """Whether it is no Arm."""
        return "rv32e" in self.has

    @property
    def dsp(self) -> bool:
        """Whether it has Arm's DSP extension."""
        return "dsp" in self.has


_ALL = (
    Core("cortex-m0", ARMV6M, "cortex_m0", "ARM_CORTEX_M0", "cortex-m0"),
    Core("cortex-m0plus", ARMV6M, "cortex_m0plus", "ARM_CORTEX_M0", "cortex-m0plus"),
    Core("cortex-m1", ARMV6M, "cortex_m1", "ARM_CORTEX_M0", None),
    Core("cortex-m3", ARMV7M, "cortex_m3", "ARM_CORTEX_M3", "cortex-m3"),
    Core("cortex-m4", ARMV7EM, "cortex_m4", "ARM_CORTEX_M4", "cortex-m4"),
    Core("cortex-m7", ARMV7EM, "cortex_m7", "ARM_CORTEX_M7", None),
    Core("cortex-m23", ARMV8M_BASE, "cortex_m23", "ARM_CORTEX_M33", None),
    Core("cortex-m33", ARMV7EM, "cortex_m33+dsp", "ARM_CORTEX_M33", "cortex-m4"),
    Core("rv32ec", RV32EC, "generic_rv32+e+c+zicsr+relax", "RISCV32_ANY", "riscv"),
    Core("rv32imc", RV32IMC, "generic_rv32+m+c+zicsr+relax", "RISCV32_ANY", "riscv"),
)
CORES = {core.name: core for core in _ALL}
