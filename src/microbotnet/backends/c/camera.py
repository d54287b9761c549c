"""The converter of `camera.convert` as C: rows of a frame come in, the network's picture is filled.

The ratio of the frame to the picture is known when the C is written, so the samples of one period of columns, after
which the shares repeat, are straight code. Of rgb565 the three colours are added up in one word, in lanes.
"""

from collections.abc import Callable
from math import prod

from ...camera.camera import Camera, Span
from ...camera.convert import GREY, SHIFT, rounding

LANES = 32  # parts of a value, at most, that three lanes of rgb565 hold


def emit_camera(camera: Camera, name: str = "net") -> dict[str, str]:
    """C99 sources by file name: NAME_camera.h and NAME_camera.c.

    Args:
        name: what the network's own files begin with.
    """
    rows, columns = camera.spans
    size = _words(camera) * columns.made
    sets = camera.layout.cell
    words = {
        "name": name, "upper": name.upper(), "text": camera.text, "summary": camera.layout.summary,
        "width": camera.width, "height": camera.height, "row_bytes": camera.row_bytes, "sums": sets * size,
        "size": prod((camera.channels, camera.rows, camera.columns)),
        "aligned": ", at an even address" if camera.format == "rgb565" else "",
        "bytes": f"{camera.channels} x {camera.rows} x {camera.columns}",
    }  # fmt: skip
    gathers = [_gather(camera, columns, parity, name) for parity in range(sets)]
    source = [_BEGIN.format(**words), *gathers, _finish(camera, columns, name)]
    source += [_begin(camera, name, sets * size, rows.whole), _row(camera, name, rows, size)]
    return {f"{name}_camera.h": _HEADER.format(**words), f"{name}_camera.c": "\n".join(source)}


_HEADER = """\
/* A camera's frame, {text}, becomes the network's picture of {bytes}, row by row.
   {summary}. */
#ifndef {upper}_CAMERA_H
#define {upper}_CAMERA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {upper}_CAMERA_WIDTH {width}
#define {upper}_CAMERA_HEIGHT {height}
#define {upper}_CAMERA_ROW_BYTES {row_bytes}

typedef struct {{
    uint32_t sums[{sums}];
    uint8_t *picture;
    uint16_t row, made, left;
}} {name}_camera_t;

/* Before each frame. picture: of {size} bytes; where the network takes it. */
void {name}_camera_begin({name}_camera_t *camera, uint8_t *picture);

/* The next row of the frame, {upper}_CAMERA_ROW_BYTES bytes{aligned}. Returns 1 when it was the last. */
int {name}_camera_row({name}_camera_t *camera, const uint8_t *row);

#ifdef __cplusplus
}}
#endif

#endif
"""

_BEGIN = """\
#include "{name}_camera.h"

#if defined(__GNUC__)
#define OUTLINE static __attribute__((noinline))
#else
#define OUTLINE static
#endif
"""


# Two pixels a word where a word may lie at any even address: red and blue of one stand with the green of the other, and
# that does not matter where both are added. Elsewhere a pixel is a multiplication; without KEPT compilers shift and add
# where an Armv6-M multiplies in one cycle, and load a mask of ten bits where it shifts twice.
_LANES = """\
#if defined(__ARM_ARCH_6M__)
#define KEPT(v) __asm__("" : "+r"(v))
#else
#define KEPT(v) (void)(v)
#endif

/* A pixel in three lanes: blue from bit 0 on, red from 11, green from 21. */
#define LANES(v, p) (v = (p), v = v * doubled & mask)

/* Two pixels, a + b. */
#if defined(__GNUC__) && (defined(__ARM_FEATURE_UNALIGNED) || defined(__x86_64__))
#define BY_WORDS
#define PAIR(a, b, p) (__builtin_memcpy(&b, p, 4), a = b & mask, b = (b >> 16 | b << 16) & mask)
#else
#define PAIR(a, b, p) (LANES(a, (p)[0]), LANES(b, (p)[1]))
#endif

/* Red from bit 16 on, blue from 0. */
static inline uint32_t red_and_blue(uint32_t lanes)
{
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
    __asm__("pkhbt %0, %0, %0, lsl #5" : "+r"(lanes));
    return lanes & 0x03ff07ff;
#else
    uint32_t v = lanes << 11;

    KEPT(v);
    return (v >> 22 << 16) + (lanes & 0x7ff);
#endif
}

"""
_HALVES = """\
/* Of a pair, the one pixel and the other. */
#if defined(BY_WORDS)
static inline uint32_t halves(uint32_t low, uint32_t high)
{
#if defined(__ARM_FEATURE_DSP)
    __asm__("pkhbt %0, %1, %2" : "=r"(high) : "r"(low), "r"(high));
    return high;
#else
    return (low & 0xffff) | (high & 0xffff0000);
#endif
}
#define FIRST(a, b) halves(a, b)
#define SECOND(a, b) halves(b, a)
#else
#define FIRST(a, b) a
#define SECOND(a, b) b
#endif

"""
_DOUBLED = """\
    uint32_t doubled = 0x10001, mask = 0x07e0f81f;

    KEPT(doubled);
    KEPT(mask);
"""


def _gather(camera: Camera, columns: Span, parity: int, name: str) -> str:
    """Adds `parts` times the means of a row's samples to the sums. Of a Bayer camera, of its even or its odd rows."""
    lanes = _in_lanes(camera)
    straight = _straight(camera, columns)
    step = straight * columns.whole // columns.share  # samples
    body = _lanes(columns) if lanes else _apart(camera, columns, parity)
    halves = camera.format == "rgb565"
    pointer = "const uint16_t *x = (const uint16_t *)(const void *)row" if halves else "const uint8_t *x = row"
    advance = step * (1 if halves else camera.layout.bytes * camera.layout.cell)
    begin = columns.first * camera.layout.cell * camera.layout.bytes
    spread, doubled = (_LANES + (_HALVES if columns.share > 1 else ""), _DOUBLED) if lanes else ("", "")
    function = f"{name}_camera_gather{parity if camera.layout.cell == 2 else ''}"
    lines = "".join(f"        {line}\n" for line in body)
    return f"""\
{spread}OUTLINE void {function}(const uint8_t *row, uint32_t *sums, uint32_t parts)
{{
    {pointer};
{doubled}
    x += {begin // (2 if halves else 1)};
    for (int i = {columns.made // straight}; i; i--, x += {advance}, sums += {_words(camera) * straight}) {{
{lines}    }}
}}
"""


def _in_lanes(camera: Camera) -> bool:
    """Whether its colours are added up in one word, and red and blue kept in one."""
    rows, columns = camera.spans
    return camera.format == "rgb565" and columns.whole <= LANES and 31 * rows.whole * columns.whole < 1 << 16


def _words(camera: Camera) -> int:
    """Sums of a value."""
    return 2 if _in_lanes(camera) else _count(camera)


def _count(camera: Camera) -> int:
    """Components that the network needs: a grey one no colour differences."""
    return 1 if camera.format == "yuv422" and camera.channels == 1 else len(camera.layout.scales)


def _straight(camera: Camera, columns: Span) -> int:
    """Values in straight code: those after which the shares repeat, and pairs of pixels begin alike."""
    periods = columns.made // columns.share
    if camera.format != "yuv422" or columns.whole % 2 == 0:
        return columns.share
    return columns.share * (2 if periods % 2 == 0 else periods)


def _lanes(columns: Span) -> list[str]:
    """All components in one word, two samples at a time.

    A value is its share of all samples that begin in it, less what of the last lies in the next, with what of the one
    before lies in it.
    """
    share, whole = columns.share, columns.whole
    variables = ["a", *(["b"] if whole > 1 else []), *(["d"] if share > 1 else []), "h", "w"]
    lines = [f"uint32_t {', '.join(variables)};", ""]
    over = 0  # parts of the last sample that are the next value's
    for value in range(share):
        begin, end = -(-value * whole // share), -(-(value + 1) * whole // share)
        begun = False
        for sample in range(begin, end):
            if sample % 2 == 0:
                pair = sample + 1 < whole
                lines.append(f"PAIR(a, b, x + {sample});" if pair else f"LANES(a, x[{sample}]);")
                part = "a + b" if sample + 1 < end else "FIRST(a, b)" if pair else "a"
            elif sample == begin:
                part = "SECOND(a, b)"
            else:
                continue
            lines.append(f"w {'+' if begun else ''}= {part};")
            begun = True
        product = f"w * {share}" if share > 1 else "w"
        lines.append(f"h = {product}{' + d' if over else ''};")
        over = end * share - (value + 1) * whole
        if over:
            last = "SECOND(a, b)" if end % 2 == 0 else "FIRST(a, b)"
            lines += [f"d = {last}{f' * {over}' if over > 1 else ''};", "h -= d;"]
        lines.append(f"sums[{2 * value}] += parts * red_and_blue(h);")
        lines.append(f"sums[{2 * value + 1}] += parts * (h >> 21);")
    return lines


def _apart(camera: Camera, columns: Span, parity: int) -> list[str]:
    """The components one after the other."""
    lines = ["uint32_t h;", ""]
    components = _count(camera)
    for value, weights in enumerate(columns.weights()[: _straight(camera, columns)]):
        for component, samples in _components(camera, parity, columns):
            whole = [samples(sample) for sample, weight in weights if weight == columns.share]
            terms = [f"{weight} * {samples(s)}" for s, weight in weights if weight != columns.share]
            if whole:
                added = " + ".join(whole)
                terms.append(f"{columns.share} * ({added})" if columns.share > 1 else added)
            lines.append(f"h = (uint32_t)({' + '.join(terms)});")
            lines.append(f"sums[{components * value + component}] += parts * h;")
    return lines


def _components(camera: Camera, parity: int, columns: Span) -> list[tuple[int, Callable[[int], str]]]:
    """What the row holds: each component's number, and C for a sample of it."""
    odd = columns.first % 2  # of YUV: the first sample that is seen is the second of its pair

    def pixel(step: int, place: int) -> Callable[[int], str]:
        return lambda sample: f"x[{step * sample + place}]"

    def chroma(place: int) -> Callable[[int], str]:
        return lambda sample: f"x[{4 * ((sample + odd) // 2) - 2 * odd + place}]"

    def bits(shift: int, mask: int) -> Callable[[int], str]:
        return lambda sample: f"(x[{sample}] >> {shift} & {mask})"

    match camera.format:
        case "rgb565":
            return [(0, bits(11, 31)), (1, bits(5, 63)), (2, bits(0, 31))]
        case "rgb888":
            return [(k, pixel(3, k)) for k in range(3)]
        case "grey8":
            return [(0, pixel(1, 0))]
        case "yuv422":
            return [(0, pixel(2, 0)), (1, chroma(1)), (2, chroma(3))][: _count(camera)]
        case _:
            return [(parity, pixel(2, 0)), (parity + 1, pixel(2, 1))]


def _finish(camera: Camera, columns: Span, name: str) -> str:
    """A row of the picture from its sums, which are zero again.

    Of a Bayer camera, whose cells come in two rows: from its sums and `parts` of the cells that close it, which are
    kept behind the sums; their rest begins the next.
    """
    rows, components, words = camera.spans[0], _count(camera), _words(camera)
    size = words * columns.made
    plane = camera.rows * camera.columns
    scaled = []
    for k in range(components):
        before, multiplier = rounding(camera, k)
        taken = f"s{k} >> {before}" if before else f"s{k}"
        scaled.append(f"((({taken}) * {multiplier}u + {1 << SHIFT - 1}u) >> {SHIFT})")
    names = ("y", "u", "v") if camera.format == "yuv422" else ("r", "g", "b")
    lines, limited = [], ""
    if components == 1:
        lines = [f"uint8_t y = (uint8_t){scaled[0]};", ""]
        lines += [f"to[{c * plane}] = y;" for c in range(camera.channels)]
    elif camera.format == "yuv422":
        limited = _LIMITED
        lines = [f"int32_t {name} = (int32_t){one}{' - 128' if k else ''};"
                 for k, (name, one) in enumerate(zip(names, scaled, strict=True))]  # fmt: skip
        lines += ["", "y = 256 * y + 128;", "to[0] = limited(y + 359 * v);"]
        lines += [f"to[{plane}] = limited(y - 88 * u - 183 * v);", f"to[{2 * plane}] = limited(y + 454 * u);"]
    elif camera.channels == 1:
        lines = [f"uint32_t {name} = {one};" for name, one in zip(names, scaled, strict=True)]
        r, g, b = GREY
        lines += ["", f"to[0] = (uint8_t)((r * {r} + g * {g} + b * {b} + 128) >> 8);"]
    else:
        lines = [f"to[{k * plane}] = (uint8_t){one};" for k, one in enumerate(scaled)]
    if camera.layout.cell == 2:
        begun = [f"uint32_t m{k} = sums[{k + size}], s{k} = sums[{k}] + parts * m{k};" for k in range(components)]
        ended = [f"sums[{k}] = rest * m{k};" for k in range(components)]
        ended += [f"sums[{k + size}] = 0;" for k in range(components)]
        given, rest = ", uint32_t parts", f"    uint32_t rest = {rows.share} - parts;\n\n"
    else:
        kept = ["sums[0] >> 16", "sums[1]", "sums[0] & 0xffff"] if _in_lanes(camera) else []
        kept = kept or [f"sums[{k}]" for k in range(components)]
        begun = [f"uint32_t s{k} = {one};" for k, one in enumerate(kept)]
        ended, given, rest = [f"sums[{k}] = 0;" for k in range(words)], "", ""
    body = "".join(f"        {line}\n" if line else "\n" for line in (*begun, *lines, *ended))
    return f"""\
{limited}OUTLINE void {name}_camera_finish(uint32_t *sums, uint8_t *to{given})
{{
{rest}    for (int j = {columns.made}; j; j--, to++, sums += {words}) {{
{body}    }}
}}
"""


_LIMITED = """\
static uint8_t limited(int32_t y)
{
    y >>= 8;
    return (uint8_t)(y < 0 ? 0 : y > 255 ? 255 : y);
}

"""


def _begin(camera: Camera, name: str, sums: int, whole: int) -> str:
    size = camera.channels * camera.rows * camera.columns
    fill = f"    for (int i = 0; i < {size}; i++)\n        picture[i] = 0;\n" if camera.crop == "letterbox" else ""
    return f"""\
void {name}_camera_begin({name}_camera_t *camera, uint8_t *picture)
{{
    for (int i = 0; i < {sums}; i++)
        camera->sums[i] = 0;
{fill}    camera->picture = picture;
    camera->row = camera->made = 0;
    camera->left = {whole};
}}
"""


def _row(camera: Camera, name: str, rows: Span, size: int) -> str:
    columns, cell, end = camera.spans[1], camera.layout.cell, rows.first + rows.count
    to = f"camera->picture + ({rows.at} + camera->made) * {camera.columns} + {columns.at}"
    to = to.replace("(0 + camera->made)", "camera->made").removesuffix(" + 0")
    first = f"y >= {rows.first * cell} && " if rows.first else ""
    gather = f"{name}_camera_gather"
    if cell == 1:
        seen = f"""\
        uint32_t parts = camera->left < {rows.share} ? camera->left : {rows.share};

        {gather}(row, camera->sums, parts);
        camera->left = (uint16_t)(camera->left - parts);
        if (!camera->left) {{
            {name}_camera_finish(camera->sums, {to});
            camera->made++;
            parts = {rows.share} - parts;
            if (parts)
                {gather}(row, camera->sums, parts);
            camera->left = (uint16_t)({rows.whole} - parts);
        }}
"""
    else:
        seen = f"""\
        int closes = camera->left <= {rows.share}; /* a row of the picture */
        uint32_t *sums = camera->sums + (closes ? {size} : 0), parts = closes ? 1 : {rows.share};

        if (y % 2 == 0) {{
            {gather}0(row, sums, parts);
            return 0;
        }}
        {gather}1(row, sums, parts);
        if (closes) {{
            {name}_camera_finish(camera->sums, {to}, camera->left);
            camera->made++;
            camera->left = (uint16_t)(camera->left + {rows.whole - rows.share});
        }} else
            camera->left = (uint16_t)(camera->left - {rows.share});
"""
    return f"""\
int {name}_camera_row({name}_camera_t *camera, const uint8_t *row)
{{
    int y = camera->row++;

    if ({first}y < {end * cell}) {{
{seen}    }}
    return y == {camera.height - 1};
}}
"""
