/* Any convolution, an output after the other. */
KERNEL void convolve(const int8_t *x, int8_t *y, int16_t *scores, const int8_t *weights, const requantize_t *how,
                     const window_t *w, int depth, int outputs, int zero)
{
    int size = w->height * w->width;

    for (int o = 0; o < outputs * (w->channels / depth); o++, weights += depth * w->tall * w->wide) {
        const int8_t *group = x + o / outputs * depth * size;

        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                int top = i * w->down - w->above, left = j * w->right - w->before;
                const int8_t *weight = weights;
                int32_t sum = 0;

                for (int c = 0; c < depth; c++)
                    for (int u = top; u < top + w->tall; u++)
                        for (int v = left; v < left + w->wide; v++) {
                            int inside = u >= 0 && u < w->height && v >= 0 && v < w->width;

                            sum += *weight++ * (inside ? group[c * size + u * w->width + v] : zero);
                        }
                if (scores)
                    *scores++ = requantize(sum, how, o);
                else
                    *y++ = (int8_t)requantize(sum, how, o);
            }
    }
}
