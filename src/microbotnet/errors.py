"""The two ways a command ends badly; the command line turns them into a line and an exit code."""


class BadInput(Exception):
    """What the user gave is wrong. The message names the file, field or layer and says what to do. Exit code 2."""


class Failed(Exception):
    """The input was fine but the work could not be done: a full disk, a NaN loss, no network. Exit code 1."""
