"""A module in a user's own Python file: `my_net.py:Net`. The one source whose code is run."""

import importlib
import importlib.util
import sys
import traceback
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ..errors import BadInput


def split_name(name: str) -> tuple[Path, str] | None:
    """The file and the name in `my_net.py:Net`; None if it is not written so."""
    file, colon, inside = name.rpartition(":")
    if colon and file.endswith(".py") and inside.isidentifier():
        return Path(file), inside
    return None


def load_module(file: Path, inside: str) -> nn.Module:
    """The module that `inside` is, or makes when it is called without arguments; in eval mode.

    Warns:
        UserWarning: that the file's code is run.

    Raises:
        BadInput: there is no such file or name, its code fails (with the line), or it makes no module.
    """
    warnings.warn(f"running the code of {file}", stacklevel=2)
    code = _run(file)
    found = getattr(code, inside, None)
    if found is None:
        modules = [
            name for name, value in vars(code).items() if isinstance(value, type) and issubclass(value, nn.Module)
        ]
        hint = f"; it has {', '.join(modules)}" if modules else ""
        raise BadInput(f"{file}: has no {inside!r}{hint}")
    if not isinstance(found, nn.Module):
        if not callable(found):
            raise BadInput(f"{file}:{inside}: is a {type(found).__name__}, no module nor what makes one")
        try:
            found = found()
        except Exception as error:
            hint = (
                "; write a function without arguments that makes it, and name that"
                if isinstance(error, TypeError)
                else ""
            )
            raise BadInput(f"{_place(error, file)}: {inside}() failed: {_words(error)}{hint}") from None
    if not isinstance(found, nn.Module):
        raise BadInput(f"{file}:{inside}: made a {type(found).__name__}, no torch.nn.Module")
    return found.eval()


_last: tuple[Path, set[str]] | None = None  # the folder of the last file, and the modules that were there before it


def _run(file: Path) -> ModuleType:
    if not file.is_file():
        raise BadInput(f"{file}: no such file")
    _forget_the_last()
    folder, parts = file.resolve().parent, [file.stem]
    while (folder / "__init__.py").is_file():  # a module of a package, whose relative imports must work
        parts.insert(0, folder.name)
        folder = folder.parent
    name, package = ".".join(parts), sys.modules.get(parts[0])
    if len(parts) > 1 and package and not _is_below(folder, package):
        raise BadInput(f"{file}: {parts[0]} is the name of another package, which is loaded; rename its folder")
    global _last
    _last = folder, set(sys.modules)
    sys.path.insert(0, str(folder))  # as when Python runs the file: its neighbours can be imported
    try:
        if len(parts) > 1:
            return importlib.import_module(name)
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        code = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(name, code)
        spec.loader.exec_module(code)
    except SyntaxError as error:
        raise BadInput(f"{error.filename}:{error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        raise BadInput(f"{_place(error, file)}: its code failed: {_words(error)}") from None
    return code


def _forget_the_last() -> None:
    """So that the next file gets its own neighbours, not the last file's of the same names."""
    if _last is None:
        return
    folder, before = _last
    if str(folder) in sys.path:
        sys.path.remove(str(folder))
    for name, module in list(sys.modules.items()):
        if name not in before and _is_below(folder, module):
            del sys.modules[name]


def _is_below(folder: Path, module: ModuleType) -> bool:
    """Whether a module is the user's: of this folder, and not installed there."""
    file = Path(getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "/"))
    return file.is_relative_to(folder) and "site-packages" not in file.parts


def _place(error: BaseException, file: Path) -> str:
    """The innermost line of the user's file."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).name == file.name]
    return f"{file}:{lines[-1]}" if lines else str(file)


def _words(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def attribute(model: Any, name: str) -> Any:
    """What the module itself says of its input: `input_shape`, `mean`, `std`, `labels`; None if it says nothing."""
    found = getattr(model, name, None)
    return tuple(found) if isinstance(found, tuple | list) else None
