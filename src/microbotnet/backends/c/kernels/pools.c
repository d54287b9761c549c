static INLINE int32_t window_sum(const int8_t *x, const window_t *w, int i, int j)
{
    const int8_t *corner = x + i * w->down * w->width + j * w->right;
    int32_t sum = 0;

    for (int u = 0; u < w->tall; u++)
        for (int v = 0; v < w->wide; v++)
            sum += corner[u * w->width + v];
    return sum;
}

/* Sums over windows without padding. */
KERNEL void sum_pool(const int8_t *x, int8_t *y, const requantize_t *how, const window_t *w)
{
    for (int c = 0; c < w->channels; c++, x += w->height * w->width)
        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++)
                *y++ = requantize(window_sum(x, w, i, j), how, c);
}

/* Sums of each window as scores. */
KERNEL void sum_scores(const int8_t *x, int16_t *scores, const requantize_t *how, const window_t *w)
{
    for (int c = 0; c < w->channels; c++, x += w->height * w->width)
        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++)
                *scores++ = score(window_sum(x, w, i, j), how, c);
}

/* The sum of each whole map, of 4 * words values; 128 words at most. */
KERNEL void sum_map(const int8_t *x, int8_t *y, const requantize_t *how, int channels, int words)
{
    int32_t sums[16];

    for (int c = 0; c < channels; c += 16, x += 64 * words) {
        int count = channels - c < 16 ? channels - c : 16;

        NAME_maps(x, sums, count, words);
        y = requantize_row(sums, y, how, c, how->step, count);
    }
}

/* The largest of each window; what is outside the map does not count. */
KERNEL void max_pool(const int8_t *x, int8_t *y, const window_t *w)
{
    for (int c = 0; c < w->channels; c++, x += w->height * w->width)
        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                int top = i * w->down - w->above, left = j * w->right - w->before;
                int8_t largest = -128;

                for (int u = top < 0 ? 0 : top; u < top + w->tall && u < w->height; u++)
                    for (int v = left < 0 ? 0 : left; v < left + w->wide && v < w->width; v++)
                        if (x[u * w->width + v] > largest)
                            largest = x[u * w->width + v];
                *y++ = largest;
            }
}
