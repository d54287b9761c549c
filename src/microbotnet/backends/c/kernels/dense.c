/* Weights of 8 bits: all the values that an output needs, then four outputs at once. A weight is stored with 128 added;
   the weights of four outputs are interleaved. */

/* All values that output (top, left) multiplies, and their sum. */
KERNEL int32_t patch(const int8_t *x, int32_t *values, const window_t *w, int depth, int top, int left, int zero)
{
    int width = w->width, height = w->height, whole = left >= 0 && left + w->wide <= width;
    int32_t total = 0;

    if (whole && w->tall * w->wide == 1 && top >= 0 && top < height)
        return NAME_column(x + top * width + left, values, depth, height * width);
    if (whole && w->wide == 3 && top >= 0 && top + w->tall <= height) {
        patch_t all = {width, depth, w->tall, (height - w->tall) * width};

        return NAME_patch3(x + top * width + left, values, &all);
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

KERNEL void dense(const int8_t *x, int8_t *y, int16_t *scores, int32_t *values, const uint8_t *weights,
                  const requantize_t *how, const window_t *w, int depth, int outputs, int zero)
{
    int pixels = w->rows * w->columns, inputs = depth * w->tall * w->wide, all = 0;
    const int32_t *end = values + ((inputs + 3) & ~3);
    uint32_t low = (1u << how->pre_shift) - 1;
    outputs_t made = {0, how->pre_shift, low, how->shift, how->table, 4 * how->step, pixels, 0, 0, 0, 0};

    for (int32_t *value = values + inputs; value != end;)
        *value++ = 0;
    for (int left = w->channels; left; left -= depth, all += outputs, x += depth * w->height * w->width) {
        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                int32_t total = patch(x, values, w, depth, i * w->down - w->above, j * w->right - w->before, zero);

                made.added = -128 * total;
                made.multiplier = how->multiplier + how->step * all;
                made.offset = how->offset + how->step * all;
                made.y = y + all * pixels + i * w->columns + j;
                made.count = outputs;
                if (!scores)
                    NAME_pixel(weights, values, end, &made);
                else
                    for (int o = 0; o < outputs; o++) {
                        const uint8_t *weight = weights + o % 4 + o / 4 * 4 * (end - values);
                        int32_t sum = made.added;

                        for (const int32_t *value = values; value != end; value++, weight += 4)
                            sum += *weight * *value;
                        scores[all + o] = score(sum, how, all + o);
                    }
            }
        weights += (outputs + 3) / 4 * 4 * (end - values);
    }
}

