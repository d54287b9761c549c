/* One kernel a channel. A tile holds the channel's padded map: for ternary weights row i and row i + apart in the lanes
   of one word, so that sums of output rows i and i + half come together. The columns of a tile's row are sorted by
   their remainder by the stride; those that one tap reads are then neighbours. */
typedef struct {
    const uint8_t *places; /* of each column of the map in a tile's row */
    const uint8_t *taps;   /* of each weight in the tile, for weights of 8 bits */
    int16_t rows, row;     /* of the tile, and words in each */
    int16_t half;          /* output rows i and i + half come together */
    int16_t zero, centre;
    uint8_t words; /* outputs at once: 2 or 4 */
} depthwise_t;

KERNEL void depthwise_ternary(const int8_t *x, int8_t *y, uint32_t *tile, const uint8_t *list,
                                   const requantize_t *how, const window_t *w, const depthwise_t *d)
{
    int width = w->width, columns = w->columns, apart = d->half * w->down, whole = d->words;
    uint32_t outside = (uint32_t)(d->zero - d->centre);
    uint32_t sums[4];
    int8_t some[8];
    finish_t finish = {0, 0, 0, how->shift, how->table, 0};

    for (int i = 0; i < d->rows * d->row; i++)
        tile[i] = outside + (outside << 16);
    for (int c = 0; c < w->channels; c++, x += w->height * width, y += w->rows * columns) {
        const uint8_t *next = list;
        uint32_t *row = tile;

        for (int a = -w->above; a < d->rows - w->above; a++, row += d->row) {
            const int8_t *lower = x + a * width, *upper = lower + apart * width;
            int has_lower = a >= 0 && a < w->height, has_upper = a + apart >= 0 && a + apart < w->height;

            if (has_lower || has_upper)
                for (int j = 0; j < width; j++) {
                    uint32_t word = has_lower ? (uint32_t)(lower[j] - d->centre) : outside;

                    row[d->places[j]] = word + ((has_upper ? (uint32_t)(upper[j] - d->centre) : outside) << 16);
                }
        }
        finish.multiplier = how->multiplier[how->step * c];
        finish.upper = (uint32_t)how->offset[how->step * c];
        finish.lower = finish.upper - (uint32_t)finish.multiplier * START;
        row = tile;
        for (int i = 0; i < d->half; i++, row += d->row * w->down)
            for (int j = 0; j < columns; j += whole) {
                int8_t *out = y + i * columns + j;

                next = whole == 4 ? NAME_taps4(list, row + j, sums) : NAME_taps2(list, row + j, sums);
                if (i + d->half < w->rows && columns - j >= whole) {
                    finish.distance = d->half * columns;
                    NAME_finish_rows(sums, out, &finish, whole);
                } else {
                    finish.distance = 4;
                    NAME_finish_rows(sums, some, &finish, whole);
                    for (int n = 0; n < whole && n < columns - j; n++) {
                        out[n] = some[n];
                        if (i + d->half < w->rows)
                            out[n + d->half * columns] = some[n + 4];
                    }
                }
            }
        list = next;
    }
}

/* sums[n] = the taps' weights . what they read from at[n] on. */
KERNEL void window4(const int8_t *weights, const uint8_t *taps, int count, const uint32_t *at, uint32_t *sums)
{
    uint32_t a = 0, b = 0, c = 0, d = 0;

    for (const uint8_t *end = taps + count; taps != end; taps++) {
        uint32_t weight = (uint32_t)(int32_t)*weights++;
        const uint32_t *x = at + *taps;

        a += x[0] * weight;
        b += x[1] * weight;
        c += x[2] * weight;
        d += x[3] * weight;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

KERNEL void depthwise(const int8_t *x, int8_t *y, uint32_t *tile, const int8_t *weights, const requantize_t *how,
                      const window_t *w, const depthwise_t *d)
{
    int width = w->width, columns = w->columns, taps = w->tall * w->wide;

    for (int i = 0; i < d->rows * d->row; i++)
        tile[i] = (uint32_t)d->zero;
    for (int c = 0; c < w->channels; c++, weights += taps) {
        uint32_t *row = tile + w->above * d->row;

        for (int a = 0; a < w->height && w->above + a < d->rows; a++, row += d->row)
            for (int j = 0; j < width; j++)
                row[d->places[j]] = (uint32_t)(int32_t)x[a * width + j];
        x += w->height * width;
        row = tile;
        for (int i = 0; i < w->rows; i++, row += d->row * w->down)
            for (int j = 0; j < columns; j += 4) {
                uint32_t sums[4];

                window4(weights, d->taps, taps, row + j, sums);
                for (int n = 0; n < 4 && n < columns - j; n++)
                    *y++ = requantize(as_signed(sums[n]), how, c);
            }
    }
}
