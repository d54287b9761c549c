"""Random designs."""

from dataclasses import replace

from hypothesis import strategies as st

from microbotnet.design import ACTIVATIONS, PRECISIONS, Design, Head, HeadPrecision, Stage, StagePrecision, Stem

_precisions = st.sampled_from(PRECISIONS)
_activations = st.sampled_from(ACTIVATIONS)
_stages = st.builds(
    Stage,
    width=st.integers(2, 24),
    kernel=st.sampled_from([1, 3, 5]),
    expansion=st.sampled_from([1.0, 2.0, 2.5, 6.0]),
    repeats=st.integers(1, 3),
    stride=st.integers(1, 3),
    squeeze_excite=st.booleans(),
    shift_max=st.booleans(),
    groups=st.sampled_from([1, 2, 3]),
    activation=_activations,
    precision=st.builds(StagePrecision, _precisions, _precisions, _precisions, _precisions),
)


def _shared(design: Design) -> Design:
    """Without groups in the stages whose channels they do not share."""
    stages: list[Stage] = []
    for stage in design.stages:
        own = list(replace(design, stages=(*stages, stage)).blocks())[-stage.repeats :]
        fits = all(n % stage.groups == 0 for block in own for n in (block.inputs, block.expanded, block.outputs))
        stage = replace(stage, shift_max=stage.shift_max and not stage.squeeze_excite)
        stages.append(stage if fits else replace(stage, groups=1))
    return replace(design, stages=tuple(stages))


designs = st.builds(
    Design,
    stages=st.lists(_stages, min_size=1, max_size=4).map(tuple),
    stem=st.builds(Stem, st.integers(2, 16), st.sampled_from([1, 3, 5]), st.integers(1, 3), _activations, _precisions),
    head=st.builds(
        lambda *, first, width, **rest: Head(0 if first else width, average_first=first, **rest),
        first=st.booleans(),
        width=st.sampled_from([0, 0, 30]),
        hidden=st.sampled_from([0, 0, 17]),
        activation=_activations,
        dropout=st.sampled_from([0.0, 0.25]),
        precision=st.builds(HeadPrecision, _precisions, _precisions, _precisions),
    ),
    resolution=st.sampled_from([8, 15, 32]),
    summary=st.sampled_from(["", 'a "quoted" back\\slash', "ünïcode\nlines"]),
).map(_shared)
