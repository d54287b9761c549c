/* Weights of 8 bits: all the values that an output needs, then four outputs at once. A weight is stored with 128 added;
   the weights of four outputs are interleaved. */

/* sums[n] = values . weights of output n, an even number of values. */
KERNEL void dot4(const uint8_t *weights, const int32_t *values, const int32_t *end, uint32_t *sums)
{
    uint32_t a = 0, b = 0, c = 0, d = 0;

    while (values != end) {
        uint32_t x = (uint32_t)*values++;

        a += *weights++ * x;
        b += *weights++ * x;
        c += *weights++ * x;
        d += *weights++ * x;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

KERNEL void dense(const int8_t *x, int8_t *y, int16_t *scores, int32_t *values, const uint8_t *weights,
                       const requantize_t *how, const window_t *w, int depth, int outputs, int zero)
{
    int pixels = w->rows * w->columns, size = w->height * w->width;

    for (int group = 0; group < w->channels / depth; group++, x += depth * size) {
        const uint8_t *four = weights;

        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                int top = i * w->down - w->above, left = j * w->right - w->before;
                int32_t *value = values, total = 0;
                const int8_t *map = x;

                for (int c = 0; c < depth; c++, map += size)
                    for (int u = top; u < top + w->tall; u++)
                        for (int v = left; v < left + w->wide; v++) {
                            int inside = u >= 0 && u < w->height && v >= 0 && v < w->width;
                            int here = inside ? map[u * w->width + v] : zero;

                            *value++ = here;
                            total += here;
                        }
                if ((value - values) & 1)
                    *value++ = 0;
                four = weights;
                for (int o = 0; o < outputs; o += 4, four += 4 * (value - values)) {
                    uint32_t sums[4];

                    dot4(four, values, value, sums);
                    for (int n = 0; n < 4 && o + n < outputs; n++) {
                        int channel = group * outputs + o + n;
                        int32_t sum = as_signed(sums[n] - 128u * (uint32_t)total);

                        if (scores)
                            scores[channel] = score(sum, how, channel);
                        else
                            y[channel * pixels + i * w->columns + j] = requantize(sum, how, channel);
                    }
                }
            }
        weights = four;
    }
}
