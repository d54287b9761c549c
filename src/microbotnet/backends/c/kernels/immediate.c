/* Convolutions whose weights are in the code: a function for each makes all outputs of a pixel from the window at x. */
typedef struct {
    const int32_t *rounding; /* a multiplier and an offset a channel; offsets are 128 outputs larger */
    const int8_t *table;
    int32_t row, channel; /* from a window's row to the next, from its last row to the next channel's first */
    int32_t stride;       /* from an output to the next channel's */
} immediate_t;

typedef void pixel_t(const int8_t *x, int8_t *y, const immediate_t *m);

/* What those functions compute. */
KERNEL void immediate_plain(const int8_t *x, int8_t *y, const immediate_t *m, const int8_t *weights, int outputs, int depth,
                            int tall, int wide, int pre_shift, int shift)
{
    uint32_t low = (1u << pre_shift) - 1;

    for (int o = 0; o < outputs; o++, y += m->stride) {
        const int8_t *from = x;
        uint32_t factor = (uint32_t)m->rounding[2 * o], scaled;
        int32_t sum = 0;

        for (int c = 0; c < depth; c++, from += m->channel - m->row)
            for (int u = 0; u < tall; u++, from += m->row)
                for (int v = 0; v < wide; v++)
                    sum += *weights++ * from[v];
        scaled = (uint32_t)(sum >> pre_shift) * factor + (uint32_t)m->rounding[2 * o + 1];
        scaled += (uint32_t)(as_signed(((uint32_t)sum & low) * factor) >> pre_shift);
        *y = m->table[limited(as_signed(scaled) >> shift)];
    }
}

/* Windows that cross the map's edge are copied, with what lies outside; `together` neighbours are one. */
static INLINE void immediates(const int8_t *x, int8_t *y, int8_t *copy, const immediate_t *inside,
                              const immediate_t *edge, const window_t *w, int depth, int zero, pixel_t *pixel,
                              int together)
{
    int height = w->height, width = w->width, tall = w->tall, wide = w->wide + (together - 1) * w->right;

    for (int top = -w->above, rows = w->rows; rows; rows--, top += w->down)
        for (int left = -w->before, columns = w->columns; columns > 0;
             columns -= together, left += together * w->right, y += together) {
            if (top >= 0 && left >= 0 && top + tall <= height && left + wide <= width)
                pixel(x + top * width + left, y, inside);
            else {
                const int8_t *map = x;
                int8_t *to = copy;

                for (int c = depth; c; c--, map += height * width)
                    for (int i = top; i < top + tall; i++)
                        for (int j = left; j < left + wide; j++)
                            *to++ = (int8_t)(i >= 0 && i < height && j >= 0 && j < width ? map[i * width + j] : zero);
                pixel(copy, y, edge);
            }
        }
}

KERNEL void immediate(const int8_t *x, int8_t *y, int8_t *copy, const immediate_t *inside, const immediate_t *edge,
                      const window_t *w, int depth, int zero, pixel_t *pixel)
{
    immediates(x, y, copy, inside, edge, w, depth, zero, pixel, 1);
}

KERNEL void twofold(const int8_t *x, int8_t *y, int8_t *copy, const immediate_t *inside, const immediate_t *edge,
                    const window_t *w, int depth, int zero, pixel_t *pixel)
{
    immediates(x, y, copy, inside, edge, w, depth, zero, pixel, 2);
}
