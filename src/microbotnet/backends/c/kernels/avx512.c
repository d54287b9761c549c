/* For x86 processors with AVX-512 VNNI and VBMI. A tensor is its pixels, each with all its channels and so many more
   that 16 divides them; a value is q + 128, so that it is a byte without sign. What is behind a pixel's last channel is
   computed, too, and multiplied by weights of zero. Sums may wrap around on the way: the result is proven to fit. */
#include <immintrin.h>
#include <string.h>

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* What comes after the sums: see requantize_t. The arrays have a value for each channel, and `each` is -1; or 16 times
   the same, and it is 0. table: the values of q = 0 ... 127, then those of -128 ... -1; 0 where q itself is wanted. */
typedef struct {
    const int32_t *multiplier, *offset, *start;
    const uint8_t *table;
    int32_t low, high; /* of scores */
    int pre_shift, shift, each;
    const int32_t *right; /* 0; or the sums are rounded as Rescale does: offset is its bias, right its shift */
    int32_t zero;
} avx512_t;

/* Every second lane, from the first on: a * b / 2^31, rounded to nearest, halves up; in 64 bits. */
static INLINE __m512i high_products(__m512i a, __m512i b)
{
    return _mm512_srai_epi64(_mm512_add_epi64(_mm512_mul_epi32(a, b), _mm512_set1_epi64(1 << 30)), 31);
}

static INLINE __m512i rescaled(__m512i sums, int channel, const avx512_t *how)
{
    const __m512i none = _mm512_setzero_si512();
    __m512i factors = _mm512_loadu_si512(how->multiplier + (channel & how->each));
    __m512i right = _mm512_loadu_si512(how->right + (channel & how->each)), left = _mm512_sub_epi32(none, right), half;
    __m512i x = _mm512_add_epi32(sums, _mm512_loadu_si512(how->offset + (channel & how->each)));

    x = _mm512_sllv_epi32(x, _mm512_max_epi32(left, none));
    left = high_products(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(factors, 32));
    x = _mm512_mask_blend_epi32(0xaaaa, high_products(x, factors), _mm512_slli_epi64(left, 32));
    right = _mm512_max_epi32(right, none);
    half = _mm512_srli_epi32(_mm512_sllv_epi32(_mm512_set1_epi32(1), right), 1);
    half = _mm512_srlv_epi32(_mm512_add_epi32(_mm512_abs_epi32(x), half), right); /* halves away from zero */
    x = _mm512_mask_sub_epi32(half, _mm512_cmplt_epi32_mask(x, none), none, half);
    return _mm512_add_epi32(x, _mm512_set1_epi32(how->zero));
}

static INLINE __m512i scaled(__m512i sums, int channel, const avx512_t *how, int shifted)
{
    __m512i factors = _mm512_loadu_si512(how->multiplier + (channel & how->each));
    __m512i offsets = _mm512_loadu_si512(how->offset + (channel & how->each));

    if (how->right)
        return rescaled(sums, channel, how);
    if (shifted) {
        __m512i shift = _mm512_set1_epi32(how->pre_shift);
        __m512i mask = _mm512_set1_epi32((int)((1u << how->pre_shift) - 1));
        __m512i below = _mm512_mullo_epi32(_mm512_and_si512(sums, mask), factors);

        sums = _mm512_srav_epi32(sums, shift);
        offsets = _mm512_add_epi32(offsets, _mm512_srav_epi32(below, shift));
    }
    sums = _mm512_add_epi32(_mm512_mullo_epi32(sums, factors), offsets);
    return _mm512_srav_epi32(sums, _mm512_set1_epi32(how->shift));
}

static INLINE __m512i looked_up(__m512i index, const uint8_t *table)
{
    __m512i above = _mm512_permutex2var_epi8(_mm512_loadu_si512(table), index, _mm512_loadu_si512(table + 64));
    __m512i below = _mm512_permutex2var_epi8(_mm512_loadu_si512(table + 128), index, _mm512_loadu_si512(table + 192));

    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), above, below);
}

static INLINE __m512i sixteen(const int8_t *x)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)x));
}

static INLINE __m512i narrowed(const __m512i *sums, const int *channel, const avx512_t *how, int shifted)
{
    __m512i first = _mm512_packs_epi32(scaled(sums[0], channel[0], how, shifted),
                                       scaled(sums[1], channel[1], how, shifted));
    __m512i last = _mm512_packs_epi32(scaled(sums[2], channel[2], how, shifted),
                                      scaled(sums[3], channel[3], how, shifted));

    return _mm512_packs_epi16(first, last); /* fours of each, in turn */
}

/* Four times 16 sums, of channels from channel[i] on, to y[i]; of the first `count` of them. */
static INLINE void finish(const __m512i *sums, int8_t *const *y, const int *channel, int count, const avx512_t *how)
{
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    __m512i all = how->pre_shift ? narrowed(sums, channel, how, 1) : narrowed(sums, channel, how, 0);

    all = how->table ? looked_up(all, how->table) : _mm512_xor_si512(all, _mm512_set1_epi8(-128));
    all = _mm512_permutexvar_epi32(order, all);
    _mm_storeu_si128((__m128i *)(void *)y[0], _mm512_castsi512_si128(all));
    if (count > 1)
        _mm_storeu_si128((__m128i *)(void *)y[1], _mm512_extracti32x4_epi32(all, 1));
    if (count > 2)
        _mm_storeu_si128((__m128i *)(void *)y[2], _mm512_extracti32x4_epi32(all, 2));
    if (count > 3)
        _mm_storeu_si128((__m128i *)(void *)y[3], _mm512_extracti32x4_epi32(all, 3));
}

static INLINE void finish_scores(__m512i sums, int16_t *scores, int channel, int outputs, const avx512_t *how)
{
    int count = outputs - channel < 16 ? outputs - channel : 16;

    sums = _mm512_max_epi32(scaled(sums, channel, how, 1), _mm512_set1_epi32(how->low));
    sums = _mm512_min_epi32(sums, _mm512_set1_epi32(how->high));
    _mm256_mask_storeu_epi16(scores + channel, (__mmask16)((1u << count) - 1), _mm512_cvtsepi32_epi16(sums));
}

/* A picture, each channel by itself, to pixels. */
static INLINE void avx512_rest(const uint8_t *x, int8_t *y, const uint8_t *table, int step, int channels, int width,
                               int first, int pixels)
{
    for (int i = first; i < pixels; i++)
        for (int c = 0; c < channels; c++)
            y[i * width + c] = (int8_t)table[c * step + x[c * pixels + i]];
}

/* The same of up to 4 channels, to pixels of 4 bytes. */
static INLINE void avx512_picture(const uint8_t *x, int8_t *y, const uint8_t *table, int step, int channels, int pixels)
{
    for (int i = 0; i + 64 <= pixels; i += 64) {
        __m512i plane[4], low, high, front, back;

        UNROLL for (int c = 0; c < 4; c++)
            plane[c] = c < channels ? looked_up(_mm512_loadu_si512(x + c * pixels + i), table + c * step)
                                    : _mm512_setzero_si512();
        UNROLL for (int half = 0; half < 2; half++) {
            low = half ? _mm512_unpackhi_epi8(plane[0], plane[1]) : _mm512_unpacklo_epi8(plane[0], plane[1]);
            high = half ? _mm512_unpackhi_epi8(plane[2], plane[3]) : _mm512_unpacklo_epi8(plane[2], plane[3]);
            front = _mm512_unpacklo_epi16(low, high);
            back = _mm512_unpackhi_epi16(low, high);
            UNROLL for (int lane = 0; lane < 4; lane++) {
                int8_t *to = y + 4 * (i + 16 * lane + 8 * half);
                __m512i move = _mm512_set1_epi64(lane);

                move = _mm512_add_epi64(_mm512_add_epi64(move, move), _mm512_set_epi64(1, 0, 1, 0, 1, 0, 1, 0));
                _mm_storeu_si128((__m128i *)(void *)to,
                                 _mm512_castsi512_si128(_mm512_permutexvar_epi64(move, front)));
                _mm_storeu_si128((__m128i *)(void *)(to + 16),
                                 _mm512_castsi512_si128(_mm512_permutexvar_epi64(move, back)));
            }
        }
    }
    avx512_rest(x, y, table, step, channels, 4, pixels / 64 * 64, pixels);
}

static INLINE void avx512_lookup(const int8_t *x, int8_t *y, const uint8_t *table, int step, int channels, int width,
                                 int pixels)
{
    for (int i = 0; i < pixels; i++)
        for (int c = 0; c < channels; c++)
            y[i * width + c] = (int8_t)table[c * step + ((uint8_t)x[i * width + c] ^ 128)];
}

/* Where a convolution reads: outputs' windows begin at `places`, and in them fours of bytes lie at `steps`. */
typedef struct {
    const int32_t *places, *steps;
    int pixels, count;
} patch_t;

/* `pixels` outputs, 1 or 4, of 16 * blocks channels from `channel` on. */
static INLINE void tile(const int8_t *x, int8_t *y, int16_t *scores, const int32_t *places, const patch_t *patch,
                        int outputs, int width, const int8_t *weights, int channel, const avx512_t *how, int pixels,
                        int blocks)
{
    __m512i sums[4][4];
    const int8_t *from[4];
    int8_t *to[4];
    int channels[4];

    UNROLL for (int p = 0; p < pixels; p++)
        from[p] = x + places[p];
    UNROLL for (int b = 0; b < blocks; b++)
        UNROLL for (int p = 0; p < pixels; p++)
            sums[b][p] = _mm512_loadu_si512(how->start + channel + 16 * b);
    for (int k = 0; k < patch->count; k++, weights += 64 * blocks) {
        __m512i values[4];

        UNROLL for (int p = 0; p < pixels; p++) {
            int32_t four;

            memcpy(&four, from[p] + patch->steps[k], 4);
            values[p] = _mm512_set1_epi32(four);
        }
        UNROLL for (int b = 0; b < blocks; b++)
            UNROLL for (int p = 0; p < pixels; p++)
                sums[b][p] = _mm512_dpbusd_epi32(sums[b][p], values[p], _mm512_loadu_si512(weights + 64 * b));
    }
    if (pixels == 4) {
        UNROLL for (int b = 0; b < blocks; b++) {
            UNROLL for (int p = 0; p < 4; p++) {
                channels[p] = channel + 16 * b;
                to[p] = y + p * width + channel + 16 * b;
            }
            finish(sums[b], to, channels, 4, how);
        }
    } else if (scores) {
        for (int b = 0; b < blocks; b++)
            finish_scores(sums[b][0], scores, channel + 16 * b, outputs, how);
    } else {
        __m512i row[4];

        UNROLL for (int b = 0; b < 4; b++) {
            row[b] = sums[b < blocks ? b : 0][0];
            channels[b] = channel + (b < blocks ? 16 * b : 0);
            to[b] = y + channels[b];
        }
        finish(row, to, channels, blocks, how);
    }
}

/* All pixels of 16 * blocks channels from `channel` on. Scores are of one pixel. */
#define STRIP(blocks)                                                                                                  \
    KERNEL void strip_##blocks(const int8_t *x, int8_t *y, int16_t *scores, const patch_t *patch, int outputs,         \
                               int width, const int8_t *weights, int channel, const avx512_t *how)                     \
    {                                                                                                                  \
        int at = 0;                                                                                                    \
                                                                                                                       \
        for (; at + 4 <= patch->pixels; at += 4)                                                                       \
            tile(x, y + at * width, 0, patch->places + at, patch, outputs, width, weights, channel, how, 4, blocks);   \
        for (; at < patch->pixels; at++)                                                                               \
            tile(x, y + at * width, scores, patch->places + at, patch, outputs, width, weights, channel, how, 1,       \
                 blocks);                                                                                              \
    }

STRIP(1)
STRIP(2)
STRIP(3)
STRIP(4)

typedef void strip_t(const int8_t *, int8_t *, int16_t *, const patch_t *, int, int, const int8_t *, int,
                     const avx512_t *);

static strip_t *const strips[4] __attribute__((unused)) = {strip_1, strip_2, strip_3, strip_4};

/* x with a border of its zero point. */
static INLINE const int8_t *bordered(const int8_t *x, int8_t *scratch, const window_t *w, int width, int zero)
{
    int row = (w->width + 2 * w->before) * width;

    if (!w->above && !w->before)
        return x;
    memset(scratch, zero, (size_t)(row * (w->height + 2 * w->above)));
    for (int i = 0; i < w->height; i++)
        memcpy(scratch + (w->above + i) * row + w->before * width, x + i * w->width * width,
               (size_t)(w->width * width));
    return scratch;
}

/* Any convolution of one group. Weights lie in the order they are read in; those of 64 outputs together. */
static INLINE void avx512_convolve(const int8_t *x, int8_t *y, int16_t *scores, int8_t *scratch, const window_t *w,
                                   const patch_t *patch, int outputs, int stride, int width, int zero,
                                   const int8_t *weights, const avx512_t *how)
{
    x = bordered(x, scratch, w, stride, zero);
    for (int o = 0; o < outputs; o += 64) {
        int blocks = outputs - o > 48 ? 4 : (outputs - o + 15) / 16;

        strips[blocks - 1](x, y, scores, patch, outputs, width, weights, o, how);
        weights += patch->count * 64 * blocks;
    }
}

/* To `quads`, of 16 channels: for every place the four pixels from there to the right; 4 bytes a channel. */
static INLINE void gathered(const int8_t *x, int8_t *quads, const window_t *w, int width, int zero, int columns,
                            int row)
{
    __m512i border = _mm512_set1_epi32(zero);
    const int8_t *line = x + row * w->width * width;
    __m512i quad = _mm512_set1_epi8((char)zero);
    int inside = row >= 0 && row < w->height;

    for (int j = columns + 2; j >= 0; j--) {
        int column = j - w->before;

        if (inside) {
            __m512i next = border;

            if (column >= 0 && column < w->width)
                next = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(line + column * width)));
            quad = _mm512_or_si512(_mm512_slli_epi32(quad, 8), next);
        }
        if (j < columns)
            _mm512_storeu_si512(quads + 64 * j, quad);
    }
}

static INLINE void avx512_depthwise(const int8_t *x, int8_t *y, int8_t *scratch, const window_t *w, int width,
                                    int zero, int columns, const int8_t *weights, const avx512_t *how)
{
    int pixels = w->rows * w->columns, groups = (w->wide + 3) / 4, at_once = pixels < 4 ? 1 : 4;

    for (int c = 0; c < w->channels; c += 16) {
        __m512i start = _mm512_loadu_si512(how->start + c);
        int channels[4] = {c, c, c, c};

        for (int i = 0; i < w->height + 2 * w->above; i++)
            gathered(x + c, scratch + 64 * i * columns, w, width, zero, columns, i - w->above);
        for (int n = 0; n < (pixels + at_once - 1) / at_once; n++) {
            int at = (n + 1) * at_once > pixels ? pixels - at_once : n * at_once;
            const int8_t *from[4], *weight = weights;
            int8_t *to[4];
            __m512i sums[4] = {start, start, start, start};

            UNROLL for (int p = 0; p < 4; p++) {
                int pixel = p < at_once ? at + p : at;

                from[p] = scratch + 64 * (pixel / w->columns * w->down * columns + pixel % w->columns * w->right);
                to[p] = y + pixel * width + c;
            }
            for (int u = 0; u < w->tall; u++)
                for (int g = 0; g < groups; g++, weight += 64) {
                    __m512i taps = _mm512_loadu_si512(weight);

                    UNROLL for (int p = 0; p < 4; p++)
                        sums[p] = _mm512_dpbusd_epi32(
                            sums[p], _mm512_loadu_si512(from[p] + 64 * (u * columns + 4 * g)), taps);
                }
            finish(sums, to, channels, at_once, how);
        }
        weights += w->tall * groups * 64;
    }
}

/* A depthwise convolution of a small map, every output with weights for all of it and a start of its own: no border,
   and nothing is gathered twice. `pixels` and `outputs` are multiples of 4, at most 16 of the first. */
static INLINE void avx512_small_depthwise(const int8_t *x, int8_t *y, int channels, int pixels, int outputs, int width,
                                          const int8_t *weights, const avx512_t *how)
{
    const int32_t *start = how->start;

    for (int c = 0; c < channels; c += 16) {
        __m512i quads[4];
        int same[4] = {c, c, c, c};

        for (int g = 0; g < pixels / 4; g++) {
            const int8_t *from = x + 4 * g * width + c;
            __m512i low = _mm512_or_si512(sixteen(from), _mm512_slli_epi32(sixteen(from + width), 8));
            __m512i high = _mm512_or_si512(sixteen(from + 2 * width), _mm512_slli_epi32(sixteen(from + 3 * width), 8));

            quads[g] = _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
        }
        for (int o = 0; o < outputs; o += 4) {
            __m512i sums[4];
            int8_t *to[4];

            UNROLL for (int p = 0; p < 4; p++, start += 16) {
                to[p] = y + (o + p) * width + c;
                sums[p] = _mm512_loadu_si512(start);
                for (int g = 0; g < pixels / 4; g++, weights += 64)
                    sums[p] = _mm512_dpbusd_epi32(sums[p], quads[g], _mm512_loadu_si512(weights));
            }
            finish(sums, to, same, 4, how);
        }
    }
}

/* Sums, or the largest, of windows. start: what 128 too much in every value comes to. */
static INLINE void avx512_sum(const int8_t *x, int8_t *y, int16_t *scores, const window_t *w, int width,
                              const avx512_t *how)
{
    for (int i = 0; i < w->rows; i++)
        for (int j = 0; j < w->columns; j++)
            for (int c = 0; c < w->channels; c += 16) {
                __m512i sums[4] = {_mm512_loadu_si512(how->start)};
                int8_t *to[4] = {y + (i * w->columns + j) * width + c};
                int channels[4] = {0};

                for (int u = 0; u < w->tall; u++)
                    for (int v = 0; v < w->wide; v++)
                        sums[0] = _mm512_add_epi32(
                            sums[0], sixteen(x + ((i * w->down + u) * w->width + j * w->right + v) * width + c));
                sums[1] = sums[2] = sums[3] = sums[0];
                if (scores)
                    finish_scores(sums[0], scores, c, w->channels, how);
                else
                    finish(sums, to, channels, 1, how);
            }
}

static INLINE void avx512_max(const int8_t *x, int8_t *y, const window_t *w, int width)
{
    for (int i = 0; i < w->rows; i++)
        for (int j = 0; j < w->columns; j++)
            for (int c = 0; c < w->channels; c += 16) {
                __m128i largest = _mm_setzero_si128();

                for (int u = 0; u < w->tall; u++)
                    for (int v = 0; v < w->wide; v++) {
                        int a = i * w->down - w->above + u, b = j * w->right - w->before + v;

                        if (a >= 0 && a < w->height && b >= 0 && b < w->width)
                            largest = _mm_max_epu8(
                                largest,
                                _mm_loadu_si128((const __m128i *)(const void *)(x + (a * w->width + b) * width + c)));
                    }
                _mm_storeu_si128((__m128i *)(void *)(y + (i * w->columns + j) * width + c), largest);
            }
}

/* count: a multiple of 16; 64 at a time, the last of them perhaps again. */
static INLINE void avx512_add(const int8_t *a, const int8_t *b, int8_t *y, int32_t of_a, int32_t of_b, int count,
                              const avx512_t *how)
{
    __m512i start = _mm512_loadu_si512(how->start), left = _mm512_set1_epi32(of_a), right = _mm512_set1_epi32(of_b);
    int channels[4] = {0};

    for (int i = 0; i < count; i += 64) {
        __m512i sums[4];
        int8_t *to[4];

        UNROLL for (int l = 0; l < 4; l++) {
            int at = i + 16 * l < count ? i + 16 * l : i;

            to[l] = y + at;
            sums[l] = _mm512_add_epi32(
                start, _mm512_add_epi32(_mm512_mullo_epi32(sixteen(a + at), left),
                                        _mm512_mullo_epi32(sixteen(b + at), right)));
        }
        finish(sums, to, channels, 4, how);
    }
}

/* zeros: 128 more than the zero points. */
static INLINE void avx512_gate(const int8_t *x, const int8_t *gates, int8_t *y, int zero_x, int zero_gate,
                               int pixels, int width, const avx512_t *how)
{
    __m512i of_x = _mm512_set1_epi32(zero_x), of_gates = _mm512_set1_epi32(zero_gate);
    int channels[4] = {0};

    for (int c = 0; c < width; c += 16) {
        __m512i gate = _mm512_sub_epi32(sixteen(gates + c), of_gates);

        for (int i = 0; i < pixels; i += 4) {
            __m512i sums[4];
            int8_t *to[4];

            UNROLL for (int p = 0; p < 4; p++) {
                int at = (i + p < pixels ? i + p : i) * width + c;

                to[p] = y + at;
                sums[p] = _mm512_mullo_epi32(_mm512_sub_epi32(sixteen(x + at), of_x), gate);
            }
            finish(sums, to, channels, 4, how);
        }
    }
}

/* One input of a concatenation, from channel `first` on. */
static INLINE void avx512_place(const int8_t *x, int8_t *y, int first, int channels, int stride, int width, int pixels,
                                const avx512_t *how)
{
    int same[4] = {0};

    for (int i = 0; i < pixels; i++)
        for (int c = 0; c < channels; c += 64) {
            __m512i sums[4];
            int8_t made[64], *to[4];

            UNROLL for (int l = 0; l < 4; l++) {
                to[l] = made + 16 * l;
                sums[l] = _mm512_add_epi32(_mm512_loadu_si512(how->start),
                                           sixteen(x + i * stride + (c + 16 * l < channels ? c + 16 * l : c)));
            }
            finish(sums, to, same, 4, how);
            memcpy(y + i * width + first + c, made, (size_t)(channels - c < 64 ? channels - c : 64));
        }
}
