/* From a sum to an output; see Rescale in microbotnet's integer/rescale.py. */
typedef struct {
    const int32_t *multiplier, *bias; /* one a channel, or one for all */
    const int8_t *shift, *table;      /* the table is 0 where the integer itself is wanted */
    int16_t zero, low, high;
    uint8_t step; /* 1: one a channel; 0: one for all */
} rescale_t;

static INLINE int8_t rescaled(int32_t sum, const rescale_t *how, int channel)
{
    int at = how->step * channel, shift = how->shift[at];
    int32_t x = sum + how->bias[at];

    if (shift < 0)
        x = as_signed((uint32_t)x << -shift);
    x = high_product(x, how->multiplier[at]);
    if (shift > 0)
        x = (((x + (x >> 31)) >> (shift - 1)) + 1) >> 1; /* halves away from zero */
    x += how->zero;
    x = x < how->low ? how->low : x > how->high ? how->high : x;
    return how->table ? how->table[x + 128] : (int8_t)x;
}

/* The sums of four outputs, added to `sums`; what is behind their weights. */
static INLINE const uint8_t *four_dots(const uint8_t *weights, const int32_t *values, const int32_t *end, int32_t *sums)
{
#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 1
    return NAME_dots(weights, values, end, sums);
#else
    int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];

    for (; values != end; values++, weights += 4) {
        int32_t value = *values;

        a += weights[0] * value;
        b += weights[1] * value;
        c += weights[2] * value;
        d += weights[3] * value;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    return weights;
#endif
}

/* As dense: the weights of four outputs are interleaved, with 128 added. */
KERNEL void dense_rescaled(const int8_t *x, int8_t *y, int32_t *values, const uint8_t *weights, const rescale_t *how,
                           const window_t *w, int depth, int outputs, int zero)
{
    int pixels = w->rows * w->columns, inputs = depth * w->tall * w->wide, all = 0;
    const int32_t *end = values + ((inputs + 3) & ~3);

    for (int32_t *value = values + inputs; value != end;)
        *value++ = 0;
    for (int left = w->channels; left; left -= depth, all += outputs, x += depth * w->height * w->width) {
        const uint8_t *here = weights;

        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                int32_t start = -128 * patch(x, values, w, depth, i * w->down - w->above, j * w->right - w->before, zero);
                int8_t *out = y + i * w->columns + j;

                here = weights;
                for (int o = 0; o < outputs; o += 4) {
                    int32_t sums[4] = {start, start, start, start};

                    here = four_dots(here, values, end, sums);
                    for (int n = 0; n < 4 && o + n < outputs; n++, out += pixels)
                        *out = rescaled(sums[n], how, all + o + n);
                }
            }
        weights = here;
        y += outputs * pixels;
    }
}

/* For depthwise: outputs of a channel. */
KERNEL int8_t *rescale_channel(const int32_t *sums, int8_t *y, const void *how, int channel, int count)
{
    for (; count; count--)
        *y++ = rescaled(*sums++, how, channel);
    return y;
}
