/* Weights of 8 bits: all the values that an output needs, then four outputs at once. A weight is stored with 128 added;
   the weights of four outputs are interleaved. */

/* All values that output (top, left) multiplies, and their sum. */
KERNEL int32_t patch(const int8_t *x, int32_t *values, const window_t *w, int depth, int top, int left, int zero)
{
    int width = w->width, height = w->height, whole = left >= 0 && left + w->wide <= width;
    int32_t total = 0;

    if (whole && w->tall * w->wide == 1 && top >= 0 && top < height) {
        for (x += top * width + left; depth; depth--, x += height * width)
            total += *values++ = *x;
        return total;
    }
    for (; depth; depth--, x += height * width)
        for (int u = top; u < top + w->tall; u++) {
            const int8_t *from = x + u * width + left;

            if (whole && u >= 0 && u < height)
                for (const int8_t *end = from + w->wide; from != end;)
                    total += *values++ = *from++;
            else
                for (int v = left; v < left + w->wide; v++)
                    total += *values++ = u >= 0 && u < height && v >= 0 && v < width ? x[u * width + v] : zero;
        }
    return total;
}

/* Up to four outputs of a pixel. total: of the values, whose weights had 128 added. */
KERNEL void dense_outputs(const uint32_t *sums, int32_t total, int8_t *y, int16_t *scores, const requantize_t *how,
                          int channel, int count, int pixels)
{
    const int32_t *multiplier = how->multiplier + how->step * channel, *offset = how->offset + how->step * channel;
    uint32_t added = 128u * (uint32_t)total, low = (1u << how->pre_shift) - 1;
    int pre_shift = how->pre_shift, shift = how->shift;

    for (const uint32_t *end = sums + count; sums != end; multiplier += how->step, offset += how->step) {
        uint32_t sum = *sums++ - added, factor = (uint32_t)*multiplier;
        uint32_t scaled = (uint32_t)(as_signed(sum) >> pre_shift) * factor + (uint32_t)*offset;

        scaled += (uint32_t)(as_signed((sum & low) * factor) >> pre_shift);
        if (scores) {
            int32_t here = as_signed(scaled) >> shift;

            scores[channel++] = (int16_t)(here < how->low ? how->low : here > how->high ? how->high : here);
        } else
            *y = how->table[saturated(as_signed(scaled) >> shift)];
        y += pixels;
    }
}

KERNEL void dense(const int8_t *x, int8_t *y, int16_t *scores, int32_t *values, const uint8_t *weights,
                  const requantize_t *how, const window_t *w, int depth, int outputs, int zero)
{
    int pixels = w->rows * w->columns, size = w->height * w->width, inputs = depth * w->tall * w->wide;
    int count = (inputs + 1) & ~1;

    values[count - 1] = 0;
    for (int first = 0, left = w->channels; left; first += outputs, left -= depth, x += depth * size) {
        const uint8_t *four = weights;

        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                int32_t total = patch(x, values, w, depth, i * w->down - w->above, j * w->right - w->before, zero);

                four = weights;
                for (int o = 0; o < outputs; o += 4, four += 4 * count) {
                    uint32_t sums[4];

                    NAME_dot4(four, values, values + count, sums);
                    dense_outputs(sums, total, y + (first + o) * pixels + i * w->columns + j, scores, how, first + o,
                                  outputs - o < 4 ? outputs - o : 4, pixels);
                }
            }
        weights = four;
    }
}
