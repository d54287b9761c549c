"""Max pools."""

from ....integer.operators import MaxPool
from ....integer.program import Program
from ..avx512 import FILES
from ..avx512 import width as avx512_width
from ..form import Form, Window
from ..vectors import FILES as vectors_files
from ..vectors import width


def small(program: Program, operator: MaxPool) -> list[Form]:
    """Pixel by pixel."""
    files = ("requantize", "lanes", "armv6m", "rows", "window", "pools")
    return [Form(files, "max_pool({x}, {y}, &window)", window=_window(operator))]


def vectors(program: Program, operator: MaxPool) -> Form:
    """Channels in lanes."""
    _, y = program.of(operator)
    return Form(vectors_files, f"vector_max({{x}}, {{y}}, &window, {width(y)})", window=_window(operator))


def avx512(program: Program, operator: MaxPool) -> Form:
    """Channels in lanes."""
    _, y = program.of(operator)
    return Form(FILES, f"avx512_max({{x}}, {{y}}, &window, {avx512_width(program, y)})", window=_window(operator))


def _window(operator: MaxPool) -> Window:
    return Window(operator.kernel, operator.stride, operator.padding)
