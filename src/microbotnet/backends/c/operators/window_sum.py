"""Average pools whose windows are not all alike."""

import numpy as np

from ....integer.operators import WindowSum
from ....integer.program import Program
from .. import hosts
from ..kernel_call import KernelCall, destination, with_packed


def small(program: Program, operator: WindowSum) -> list[KernelCall]:
    """Window by window."""
    (x,), y = program.of(operator)
    numbers = ", ".join(map(str, (*x.shape, *y.shape[1:], x.zero_point)))
    kernel = "window_sums" if y.dtype == "int8" else "window_scores"
    return with_packed([
        KernelCall(
            ("requantize", "windows"),
            f"{kernel}({{x}}, {{y}}, &ends, &how)",
            arrays=_ends(operator, np.int16),
            how=operator.requantize,
            structs={"ends": ("windows_t", f"{{rows}}, {{columns}}, {numbers}")},
        )
    ])  # fmt: skip


def vectors(program: Program, operator: WindowSum) -> KernelCall:
    """Window by window."""
    return _summed(hosts.of_vectors(program), program, operator)


def avx512(program: Program, operator: WindowSum) -> KernelCall:
    """Window by window."""
    return _summed(hosts.of_avx512(program), program, operator)


def _summed(layout: hosts.Layout, program: Program, operator: WindowSum) -> KernelCall:
    (x,), y = program.of(operator)
    arrays, structs = hosts.rounding(operator.requantize)
    sizes = (x.shape[0], x.shape[2], layout.width(x), layout.width(y), *y.shape[1:], x.zero_point)
    structs["ends"] = ("host_windows_t", f"{{rows}}, {{columns}}, {', '.join(map(str, sizes))}")
    call = f"host_window_sums({{x}}, {destination(y)}, &ends, {layout.apart}, &how)"
    return KernelCall(hosts.FILES, call, arrays={**arrays, **_ends(operator, np.int32)}, structs=structs)


def _ends(operator: WindowSum, dtype: type) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    return {"rows": np.array(operator.rows, dtype), "columns": np.array(operator.columns, dtype)}
