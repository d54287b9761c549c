"""Commands as users give them, in this process: a new one would import for seconds what this one has."""

import io
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from unittest import mock

from microbotnet.cli import main


def microbotnet(*words: object) -> CompletedProcess[str]:
    """How `microbotnet WORDS…` ends, and what it prints."""
    arguments = ["microbotnet", *map(str, words)]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", arguments), redirect_stdout(out), redirect_stderr(err),
        warnings.catch_warnings(),
    ):  # fmt: skip
        warnings.resetwarnings()  # those are shown that Python shows, where pytest shows all
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
