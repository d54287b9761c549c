/* Windows that begin and end where they like: rows and columns hold both ends of each. A requantization each. */
typedef struct {
    const int16_t *rows, *columns;
    int16_t channels, height, width;
    int16_t tall, wide; /* of the output */
    int16_t zero;
} windows_t;

static INLINE int32_t centred_sum(const int8_t *x, const windows_t *w, int i, int j)
{
    int32_t sum = 0;

    for (int u = w->rows[2 * i]; u < w->rows[2 * i + 1]; u++)
        for (int v = w->columns[2 * j]; v < w->columns[2 * j + 1]; v++)
            sum += x[u * w->width + v] - w->zero;
    return sum;
}

KERNEL void window_sums(const int8_t *x, int8_t *y, const windows_t *w, const requantize_t *how)
{
    for (int c = 0; c < w->channels; c++, x += w->height * w->width)
        for (int i = 0; i < w->tall; i++)
            for (int j = 0; j < w->wide; j++)
                *y++ = requantize(centred_sum(x, w, i, j), how, i * w->wide + j);
}

KERNEL void window_scores(const int8_t *x, int16_t *scores, const windows_t *w, const requantize_t *how)
{
    for (int c = 0; c < w->channels; c++, x += w->height * w->width)
        *scores++ = score(centred_sum(x, w, 0, 0), how, 0);
}
