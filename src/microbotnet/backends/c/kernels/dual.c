/* Two products of 16 bits an instruction: inputs of two channels in one word, less their zero point. */

typedef struct {
    const int32_t *rounding; /* of four outputs */
    const int8_t *table;
    int32_t stride; /* from an output to the next channel's */
    int32_t bytes;  /* of the tile, from the first pair of pixels to behind the last */
} dual_t;

/* Four outputs of neighbouring pixels, two at a time; weights of 16 bits. */
typedef void dual_row_t(const uint32_t *weights, const uint32_t *tile, int8_t *y, const dual_t *d);

/* How a pair of channels becomes words. */
typedef struct {
    int32_t fours; /* pixels, four at a time */
    int32_t step;  /* bytes from two words to the next two; or from even columns to odd ones */
    uint32_t less; /* the zero point's negative, twice */
} pairs_t;

#if defined(__ARM_FEATURE_DSP)
#if !defined(FUNCTION)
#define FUNCTION(name, body)                                                                                           \
    __asm__(".pushsection .text." name ",\"ax\",%progbits\n .syntax unified\n .thumb\n .p2align 2\n"                   \
            " .type " name ",%function\n .thumb_func\n" name ":\n" body " .size " name ", . - " name "\n .popsection\n")
#endif

/* Words of pixels 0 and 1, 2 and 3, ... of a and b; or of pixels 0 and 2, ... , and apart from them 1 and 3, ... */
void NAME_pairs(const int8_t *a, const int8_t *b, uint32_t *to, const pairs_t *pairs);
void NAME_pairs_apart(const int8_t *a, const int8_t *b, uint32_t *to, const pairs_t *pairs);
/* Weights of 8 bits, 16 at a time, to 16 bits. */
void NAME_widen_weights(const uint32_t *weights, uint32_t *to, const uint32_t *end);

/* a r0, b r1, to r2, step r4, less r12, end of a lr */
#define PAIRS(begin, store)                                                                                            \
    " push {r4-r11, lr}\n ldm r3, {r3, r4, r12}\n add lr, r0, r3, lsl #2\n" begin                                      \
    "1: ldr r5, [r0], #4\n ldr r6, [r1], #4\n sxtab16 r7, r12, r5\n sxtab16 r8, r12, r5, ror #8\n"                     \
    " sxtab16 r9, r12, r6\n sxtab16 r10, r12, r6, ror #8\n pkhbt r5, r7, r9, lsl #16\n pkhtb r7, r9, r7, asr #16\n"    \
    " pkhbt r6, r8, r10, lsl #16\n pkhtb r8, r10, r8, asr #16\n" store " cmp r0, lr\n bne 1b\n pop {r4-r11, pc}\n"
FUNCTION("NAME_pairs", PAIRS("", " strd r5, r6, [r2]\n add r2, r4\n strd r7, r8, [r2]\n add r2, r4\n"));
FUNCTION("NAME_pairs_apart", PAIRS(" add r4, r2\n", " strd r5, r7, [r2], #8\n strd r6, r8, [r4], #8\n"));
FUNCTION("NAME_widen_weights", " push {r4-r11, lr}\n"
                               "1: ldm r0!, {r3, r5, r7, r9}\n sxtb16 r4, r3, ror #8\n sxtb16 r3, r3\n"
                               " sxtb16 r6, r5, ror #8\n sxtb16 r5, r5\n sxtb16 r8, r7, ror #8\n sxtb16 r7, r7\n"
                               " sxtb16 r10, r9, ror #8\n sxtb16 r9, r9\n stm r1!, {r3-r10}\n cmp r1, r2\n bcc 1b\n"
                               " pop {r4-r11, pc}\n");
#else
static INLINE uint32_t pair(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffffu) | (uint32_t)high << 16;
}

KERNEL void NAME_pairs(const int8_t *a, const int8_t *b, uint32_t *to, const pairs_t *pairs)
{
    int16_t less = (int16_t)pairs->less;

    for (int n = 0; n < 2 * pairs->fours; n++, to += pairs->step / 4 - 2)
        for (int i = 0; i < 2; i++)
            *to++ = pair(*a++ + less, *b++ + less);
}

KERNEL void NAME_pairs_apart(const int8_t *a, const int8_t *b, uint32_t *to, const pairs_t *pairs)
{
    int16_t less = (int16_t)pairs->less;

    for (int n = 0; n < 4 * pairs->fours; n++)
        to[n / 2 + (n & 1) * pairs->step / 4] = pair(*a++ + less, *b++ + less);
}

KERNEL void NAME_widen_weights(const uint32_t *weights, uint32_t *to, const uint32_t *end)
{
    for (; to < end; weights++) {
        *to++ = pair((int8_t)*weights, (int8_t)(*weights >> 16));
        *to++ = pair((int8_t)(*weights >> 8), (int8_t)(*weights >> 24));
    }
}

/* From 0 to 255, by how many constants there are: 2, a product of 32 bits, shifted; 3, the high word of one of 64; 4,
   TensorFlow Lite's rounding, of which `shift` is what is added at the end. */
static INLINE int32_t dual_rounded(int32_t sum, const int32_t *r, int shift, int index, int constants)
{
    int32_t made = as_signed((uint32_t)sum * (uint32_t)r[0] + (uint32_t)r[1]);

    if (constants == 4) {
        int64_t product = (int64_t)as_signed((uint32_t)sum + (uint32_t)r[1]) * r[0];
        int32_t high = (int32_t)((product + (1 << 30)) >> 31);

        made = ((high + (high >> 31) + r[2]) >> r[3]) + shift + (index ? 0 : 128);
        return made < 0 ? 0 : made > 255 ? 255 : made;
    }
    if (constants == 3) {
        uint64_t product = (uint64_t)((int64_t)sum * r[0]);

        made = as_signed((uint32_t)((product + ((uint64_t)(uint32_t)r[2] << 32 | (uint32_t)r[1])) >> 32));
    }
    made = (made >> shift) + (index ? 0 : 128);
    return made < 0 ? 0 : made > 255 ? 255 : made;
}

/* What the functions of `dual.py` compute. */
KERNEL void dual_plain(const uint32_t *weights, const uint32_t *tile, int8_t *y, const dual_t *d, const int16_t *places,
                       int count, int turn, int turns, int next, int shift, int index, int constants)
{
    const uint32_t *end = tile + d->bytes / 4;

    for (; tile != end; tile += next / 4, y += 2)
        for (int o = 0; o < 4; o++)
            for (int p = 0; p < 2; p++) {
                const int32_t *r = d->rounding + constants * o;
                int32_t sum = 0, made;

                for (int n = 0; n < turns * count; n++) {
                    uint32_t w = weights[4 * n + o], v = tile[(n / count * turn + places[n % count]) / 4 + p];

                    sum += (int16_t)w * (int16_t)v + (int16_t)(w >> 16) * (int16_t)(v >> 16);
                }
                made = dual_rounded(sum, r, shift, index, constants);
                y[o * d->stride + p] = (int8_t)(index ? d->table[made] : made - 128);
            }
}
#endif

/* A row of a map as words; what is behind the last four pixels one by one. */
static INLINE void pair_pixels(const int8_t *a, const int8_t *b, uint32_t *to, int count, int done, int zero)
{
    for (; done < count; done++, to++)
        *to = ((uint32_t)(a[done] - zero) & 0xffffu) | (uint32_t)(b[done] - zero) << 16;
}

/* Four outputs, or fewer, of `count` pixels. */
static INLINE void dual_outputs(dual_row_t *row, const uint32_t *wide, const uint32_t *tile, int8_t *y, dual_t *d,
                                int count, int outputs, int next)
{
    int whole = outputs < 4 ? 0 : count / 2;

    d->bytes = whole * next;
    if (whole)
        row(wide, tile, y, d);
    for (int at = 2 * whole; at < count; at += 2) {
        int8_t some[8];
        dual_t one = {d->rounding, d->table, 2, next};

        row(wide, tile + at / 2 * (next / 4), some, &one);
        for (int o = 0; o < (outputs < 4 ? outputs : 4); o++)
            for (int p = 0; p < 2 && at + p < count; p++)
                y[o * d->stride + at + p] = some[2 * o + p];
    }
}

typedef struct {
    const uint32_t *weights;
    const int32_t *rounding;
    const int8_t *table;
    int32_t constants, bytes; /* of the rounding, an output; of four outputs' weights when they are wide */
    int32_t depth, outputs, pixels, stripe, pairs, zero;
} dual_pixels_t;

KERNEL void dual_pointwise(const int8_t *x, int8_t *y, uint32_t *tile, uint32_t *wide, const dual_pixels_t *s,
                           dual_row_t *row)
{
    int pairs = (s->depth + 1) / 2, next = 8 * pairs;

    for (int first = 0; first < s->pixels; first += s->stripe, y += s->stripe) {
        int count = s->pixels - first < s->stripe ? s->pixels - first : s->stripe;
        pairs_t how = {count / 4, next, (uint32_t)(-s->zero & 0xffff) * 0x10001u};
        const uint32_t *weights = s->weights;
        dual_t d = {s->rounding, s->table, s->pixels, 0};

        for (int c = 0; c < pairs; c++) {
            const int8_t *a = x + first + 2 * c * s->pixels, *b = 2 * c + 1 < s->depth ? a + s->pixels : a;

            if (how.fours)
                NAME_pairs(a, b, tile + 2 * c, &how);
            for (int at = 4 * how.fours; at < count; at++)
                tile[at / 2 * 2 * pairs + 2 * c + at % 2] =
                    ((uint32_t)(a[at] - s->zero) & 0xffffu) | (uint32_t)(b[at] - s->zero) << 16;
        }
        for (int o = 0; o < s->outputs; o += 4, weights += s->bytes / 8, d.rounding += 4 * s->constants) {
            NAME_widen_weights(weights, wide, wide + s->bytes / 4);
            dual_outputs(row, wide, tile, y + o * s->pixels, &d, count, s->outputs - o, next);
        }
    }
}

typedef struct {
    const uint32_t *weights;
    const int32_t *rounding;
    const int8_t *table;
    int32_t constants, bytes;
    int32_t depth, outputs;
    int32_t made, rows;     /* of outputs in a stripe, of the map in its tile */
    int32_t row, classes;   /* words of a row; of its even columns, where windows are two apart */
    int32_t pairs, zero;
} dual_shape_t;

KERNEL void dual(const int8_t *x, int8_t *y, uint32_t *tile, uint32_t *wide, const window_t *w, const dual_shape_t *s,
                 dual_row_t *run)
{
    int width = w->width, size = w->height * width, pixels = w->rows * w->columns, apart = w->right == 2;
    int before = apart ? w->before / 2 : w->before, odd = apart && w->before % 2, lead = odd ? 1 : 0;
    pairs_t how = {(width - lead) / 4, apart ? 4 * s->classes : 8, (uint32_t)(-s->zero & 0xffff) * 0x10001u};

    for (int i = 0; i < s->pairs * s->rows * s->row; i++)
        tile[i] = 0;
    for (int first = 0; first < w->rows; first += s->made, y += s->made * w->columns) {
        int made = w->rows - first < s->made ? w->rows - first : s->made;
        const uint32_t *weights = s->weights;
        dual_t d = {s->rounding, s->table, pixels, 0};

        for (int c = 0; c < s->depth; c += 2) {
            const int8_t *a = x + c * size, *b = c + 1 < s->depth ? a + size : a;
            uint32_t *to = tile + c / 2 * s->rows * s->row;

            for (int u = 0, i = first * w->down - w->above; u < s->rows; u++, i++, to += s->row) {
                const int8_t *from = a + i * width, *other = b + i * width;
                uint32_t *start = to + before;

                if (i < 0 || i >= w->height) {
                    for (int n = 0; n < s->row; n++)
                        to[n] = 0;
                    continue;
                }
                if (!apart) {
                    if (how.fours)
                        NAME_pairs(from, other, start, &how);
                    pair_pixels(from, other, start + 4 * how.fours, width, 4 * how.fours, s->zero);
                    continue;
                }
                /* Padded by one, the map's first column is an odd one; those behind it begin with an even one. */
                if (odd) {
                    start[s->classes] = ((uint32_t)(*from - s->zero) & 0xffffu) | (uint32_t)(*other - s->zero) << 16;
                    start++;
                }
                if (how.fours)
                    NAME_pairs_apart(from + lead, other + lead, start, &how);
                for (int n = 4 * how.fours + lead; n < width; n++)
                    start[(n - lead) / 2 + (n - lead) % 2 * s->classes] =
                        ((uint32_t)(from[n] - s->zero) & 0xffffu) | (uint32_t)(other[n] - s->zero) << 16;
            }
        }
        for (int o = 0; o < s->outputs; o += 4, weights += s->bytes / 8, d.rounding += 4 * s->constants) {
            NAME_widen_weights(weights, wide, wide + s->bytes / 4);
            for (int r = 0; r < made; r++)
                dual_outputs(run, wide, tile + r * w->down * s->row, y + o * pixels + r * w->columns, &d, w->columns,
                             s->outputs - o, 8);
        }
    }
}

/* Depthwise, two rows of a channel in one word: one function for each kind of windows. */
typedef struct {
    const uint32_t *weights; /* of a channel words of two, as bytes; see `paired.py` */
    const int32_t *rounding;
    const int8_t *table;
    int32_t channels;
    uint32_t less; /* the zero point's negative, twice */
} paired_t;

#if !defined(__ARM_FEATURE_DSP)
/* What those functions compute. rows: of the kernel, that are in the words of a column. */
KERNEL void paired_plain(const int8_t *x, int8_t *y, const paired_t *d, const int8_t (*rows)[2], int height, int width,
                         int down, int across, int tall, int wide, int stride, int above, int before, int words,
                         int shift, int index, int constants)
{
    const uint32_t *stored = d->weights;
    const int32_t *r = d->rounding;
    int16_t less = (int16_t)d->less;

    for (int c = 0; c < d->channels; c++, x += height * width, r += constants, stored += (words * wide + 1) / 2)
        for (int i = 0; i < down; i++)
            for (int j = 0; j < across; j++) {
                int32_t sum = 0, made;

                for (int v = 0; v < wide; v++)
                    for (int u = 0; u < tall; u++) {
                        int a = i * stride - above + u, b = j * stride - before + v, n = 0;

                        while (rows[n / 2][n % 2] != u)
                            n++;
                        n += 2 * words * v;
                        if (a >= 0 && a < height && b >= 0 && b < width)
                            sum += (int8_t)(stored[n / 4] >> (8 * (n / 2 % 2) + 16 * (n % 2))) *
                                   (x[a * width + b] + less);
                    }
                made = dual_rounded(sum, r, shift, index, constants);
                *y++ = (int8_t)(index ? d->table[made] : made - 128);
            }
}
#endif
