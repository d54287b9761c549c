"""Max pools."""

from ....integer.operators import MaxPool
from ....integer.program import Program
from ..avx512 import FILES
from ..avx512 import width as avx512_width
from ..kernel_call import KernelCall, Window
from ..vectors import FILES as vectors_files
from ..vectors import width


def small(program: Program, operator: MaxPool) -> list[KernelCall]:
    """Pixel by pixel."""
    files = ("requantize", "lanes", "armv6m", "rows", "window", "pools")
    return [KernelCall(files, "max_pool({x}, {y}, &window)", window=_window(operator))]


def vectors(program: Program, operator: MaxPool) -> KernelCall:
    """Channels in lanes."""
    _, y = program.of(operator)
    return KernelCall(vectors_files, f"vector_max({{x}}, {{y}}, &window, {width(y)})", window=_window(operator))


def avx512(program: Program, operator: MaxPool) -> KernelCall:
    """Channels in lanes."""
    _, y = program.of(operator)
    return KernelCall(FILES, f"avx512_max({{x}}, {{y}}, &window, {avx512_width(program, y)})", window=_window(operator))


def _window(operator: MaxPool) -> Window:
    return Window(operator.kernel, operator.stride, operator.padding)
