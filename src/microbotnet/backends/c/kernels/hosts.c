/* On processors with ample memory, what is rare: a tensor is its pixels, each with `width` bytes of channels. A byte
   is an integer, or one with 128 added; `apart`, 0 or 128, is what tells them apart. */
static INLINE int host_value(int8_t byte, int apart)
{
    return (int8_t)(uint8_t)((uint8_t)byte ^ apart);
}

static INLINE int8_t host_byte(int value, int apart)
{
    return (int8_t)(uint8_t)((uint8_t)value ^ apart);
}

/* y's elements by pixels and channels, each from where `index` says; -1 is `fill`. */
static INLINE void host_gather(const int8_t *x, int8_t *y, const int32_t *index, int fill, int pixels, int channels,
                               int width)
{
    for (int i = 0; i < pixels; i++, y += width)
        for (int c = 0; c < channels; c++, index++)
            y[c] = *index < 0 ? (int8_t)fill : x[*index];
}

/* An output for the caller: all of one channel, then of the next. */
static INLINE void host_output(const int8_t *x, int8_t *y, int pixels, int channels, int width, int apart)
{
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < pixels; i++)
            *y++ = host_byte(x[i * width + c], apart);
}

static INLINE void host_extreme(const int8_t *a, const int8_t *b, int8_t *y, int count, int largest, int apart)
{
    for (int i = 0; i < count; i++) {
        int u = host_value(a[i], apart), v = host_value(b[i], apart);

        y[i] = host_byte((u > v) == largest ? u : v, apart);
    }
}

/* From a sum to an output: see requantize_t. One multiplier and offset, or one a window. */
typedef struct {
    const int32_t *multiplier, *offset;
    const int8_t *table;
    int32_t low, high;
    int pre_shift, shift, step;
} host_rounding_t;

static INLINE int host_rounded(int32_t sum, const host_rounding_t *how, int at)
{
    uint32_t factor = (uint32_t)how->multiplier[at * how->step], low = (uint32_t)sum & ((1u << how->pre_shift) - 1);
    uint32_t product = (uint32_t)(sum >> how->pre_shift) * factor +
                       (uint32_t)(as_signed(low * factor) >> how->pre_shift);
    int32_t y = as_signed(product + (uint32_t)how->offset[at * how->step]) >> how->shift;

    y = y < how->low ? how->low : y > how->high ? how->high : y;
    return how->table ? how->table[y + 128] : y;
}

/* Sizes of x, and how far the other map moves with each axis. */
typedef struct {
    int32_t channels, rows, columns, width;
    int32_t channel, row, column;
    int32_t zero_x, zero_g;
} host_product_t;

static INLINE void host_product(const int8_t *x, const int8_t *g, int8_t *y, const host_product_t *p, int apart,
                                const host_rounding_t *how)
{
    for (int i = 0; i < p->rows; i++)
        for (int j = 0; j < p->columns; j++, x += p->width, y += p->width)
            for (int c = 0; c < p->channels; c++) {
                int other = host_value(g[i * p->row + j * p->column + c * p->channel], apart) - p->zero_g;

                y[c] = host_byte(host_rounded((host_value(x[c], apart) - p->zero_x) * other, how, 0), apart);
            }
}

typedef struct {
    const int32_t *rows, *columns;
    int32_t channels, wide, from, to; /* pixels in a row of x; bytes of a pixel of x, of y */
    int32_t down, right, zero;        /* windows */
} host_windows_t;

static INLINE void host_window_sums(const int8_t *x, int8_t *y, int16_t *scores, const host_windows_t *w, int apart,
                                    const host_rounding_t *how)
{
    for (int i = 0; i < w->down; i++)
        for (int j = 0; j < w->right; j++, y += w->to)
            for (int c = 0; c < w->channels; c++) {
                int32_t sum = 0;
                int made;

                for (int u = w->rows[2 * i]; u < w->rows[2 * i + 1]; u++)
                    for (int v = w->columns[2 * j]; v < w->columns[2 * j + 1]; v++)
                        sum += host_value(x[(u * w->wide + v) * w->from + c], apart) - w->zero;
                made = host_rounded(sum, how, i * w->right + j);
                if (scores)
                    scores[c] = (int16_t)made;
                else
                    y[c] = host_byte(made, apart);
            }
}
