"""A voting rule over the last frames as C, in integers: the decisions of `stream.voting` on the network's scores."""

from importlib.resources import files

from ...errors import BadInput
from ...integer.program import Program
from ...stream.voting import BestOfLast, Majority, Mean, Rule, rule_named
from .header import declared

MOST_FRAMES = 2**15  # so that sums of scores fit in 32 bits, and counts in 16

# What is kept of a stream, and the files of `votes/` that decide by it.
_FORMS: dict[type[Rule], tuple[tuple[str, ...], tuple[str, ...]]] = {
    BestOfLast: (
        ("uint16_t label[{frames}]", "uint16_t ahead[{frames}]", "uint16_t frames", "uint16_t next"),
        ("likeliest", "best"),
    ),
    Majority: (
        ("uint16_t label[{frames}]", "uint16_t named[{classes}]", "uint16_t frames", "uint16_t next"),
        ("likeliest", "majority"),
    ),
    Mean: (
        ("int32_t sums[{classes}]", "int16_t scores[{classes} * {frames}]", "uint16_t next"),
        ("mean",),
    ),
}


def voters(program: Program) -> int:
    """How many classes there are to vote for.

    Raises:
        BadInput: the program gives no scores of 16 bits.
    """
    if program.scores.dtype != "int16":
        raise BadInput(
            f"frames vote by scores of int16, and the network gives {program.scores.dtype}; leave out --vote"
        )
    return program.scores.shape[0]


def emit_vote(rule: str, classes: int, name: str = "net", parts: tuple[str, ...] = ("arena",)) -> dict[str, str]:
    """C99 sources by file name: NAME_vote.h, NAME_vote.c, and main.c, an example that reads a stream.

    NAME_vote(votes, scores) decides as the Python rule does on the same int16 scores, whatever they are.

    Args:
        rule: a name; see `rule_named`.
        classes: how many scores a frame has.
        name: what the network's own files begin with.
        parts: of the arena; see `Interface.arguments`.

    Raises:
        BadInput: there is no such rule, or its window is too long.
    """
    found = rule_named(rule)
    if found.window > MOST_FRAMES:
        raise BadInput(f"{rule}: {found.window:,} frames are too many for C; {MOST_FRAMES:,} at most")
    state, functions = _FORMS[type(found)]
    words = {"name": name, "upper": name.upper(), "frames": found.window, "classes": classes, "rule": rule}
    fields = "".join(f"    {field.format(**words)};\n" for field in state)
    sources = [(files(__package__) / "votes" / f"{file}.c").read_text("utf-8") for file in functions]
    constants = f'#include "{name}_vote.h"\n\nenum {{ FRAMES = {found.window}, CLASSES = {classes} }};\n'
    return {
        f"{name}_vote.h": _HEADER.format(**words, fields=fields),
        f"{name}_vote.c": "\n".join([constants, *sources]).replace("NAME_", f"{name}_"),
        "main.c": _EXAMPLE.format(**words, arena=declared(name, parts), parts=", ".join(parts)),
    }


_HEADER = """\
/* The last frames of a stream decide together: {rule}. */
#ifndef {upper}_VOTE_H
#define {upper}_VOTE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

/* All zeros before a stream's first frame. */
typedef struct {{
{fields}}} {name}_votes_t;

/* scores: of one more frame, as {name}_run leaves them. Returns the class that the last frames decide for:
   {frames}, or as many as there were. */
int {name}_vote({name}_votes_t *votes, const int16_t *scores);

#ifdef __cplusplus
}}
#endif

#endif
"""

_EXAMPLE = """\
/* Reads a stream of pictures, {upper}_INPUT_BYTES bytes each, from standard input; prints a line for each: the class
   that the last frames decide for, the frame's own class, and its scores. */
#include <stdio.h>
#include "{name}.h"
#include "{name}_vote.h"

static uint8_t picture[{upper}_INPUT_BYTES];
static int16_t scores[{upper}_CLASSES];
{arena}\
static {name}_votes_t votes;

int main(void)
{{
    size_t got;
    int frames = 0;

    for (; (got = fread(picture, 1, sizeof picture, stdin)) == sizeof picture; frames++) {{
        {name}_run(picture, scores, {parts});
        printf("%d %d", {name}_vote(&votes, scores), {name}_class(scores));
        for (int i = 0; i < {upper}_CLASSES; i++)
            printf(" %d", scores[i]);
        printf("\\n");
    }}
    return got || !frames ? 2 : 0;
}}
"""
