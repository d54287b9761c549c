/* One kernel a channel. A tile holds the channel's padded map: for ternary weights row i and row i + apart in the lanes
   of one word, so that sums of output rows i and i + half come together. The columns of a tile's row are sorted by
   their remainder by the stride; those that one tap reads are then neighbours. */
typedef struct {
    const uint8_t *places; /* of each column of the map in a tile's row, in bytes */
    const uint8_t *taps;   /* of each weight in the tile, for weights of 8 bits */
    int16_t rows, row;     /* of the tile, and words in each */
    int16_t half;          /* output rows i and i + half come together; for weights of 8 bits, so many neighbours */
    int16_t zero, centre;
    uint8_t words; /* outputs at once: 2 or 4 */
} depthwise_t;

/* Rows first ... last - 1 of the tile, counted from the map's first. */
KERNEL fill_t zone(const depthwise_t *d, int width, int first, int last, int lower, int upper)
{
    uint32_t less = (uint32_t)(int32_t)d->centre * 0x10001u;
    fill_t made = {d->places, width, less, 4 * d->row, last > first ? last - first : 0, lower, upper};

    return made;
}

KERNEL void depthwise_ternary(const int8_t *x, int8_t *y, uint32_t *tile, const uint8_t *list, const lanes_t *how,
                              const window_t *w, const depthwise_t *d)
{
    int width = w->width, height = w->height, columns = w->columns, whole = d->words;
    int apart = d->half * w->down, first = -w->above, last = d->rows - w->above;
    int enter = -apart > first ? -apart : first;    /* the first row whose upper lane is in the map */
    int leave = height - apart;                     /* behind the last of those */
    int middle = leave < 0 ? 0 : leave < last ? leave : last;
    int end = height < last ? height : last;
    fill_t only_upper = zone(d, width, enter, leave < 0 ? leave : 0, 0, width);
    fill_t both = zone(d, width, 0, middle, width, width);
    fill_t only_lower = zone(d, width, middle, end, width, 0);
    uint32_t outside = (uint32_t)(d->zero - d->centre);
    uint32_t *row = tile - first * d->row;               /* of the map's first row */
    int8_t *empty = (int8_t *)(tile + d->rows * d->row); /* a row outside the map */
    channel_t channel = {0, how->shift, how->table, d->half * columns, 0};
    const int32_t *rounding = how->rounding;

    for (int i = 0; i < d->rows * d->row; i++)
        tile[i] = outside * 0x10001u;
    for (int j = 0; j < width; j++)
        empty[j] = (int8_t)d->zero;
    for (int c = w->channels; c; c--) {
        const uint8_t *next = list;
        uint32_t *here = tile;
        int8_t *out = y;

        if (only_upper.rows)
            NAME_fill(row + enter * d->row, empty, x + (enter + apart) * width, &only_upper);
        if (both.rows)
            NAME_fill(row, x, x + apart * width, &both);
        if (only_lower.rows)
            NAME_fill(row + middle * d->row, x + middle * width, empty, &only_lower);
        channel.multiplier = *rounding++;
        channel.offset = *rounding++;
        for (int i = d->half; i; i--, here += d->row * w->down, out += columns) {
            int alone = i == 1 && 2 * d->half > w->rows; /* the upper lanes are below the output's last row */

            for (int j = 0; j < columns; j += whole) {
                int8_t some[8], *to = out + j;

                if (alone || columns - j < whole) {
                    channel.distance = 4;
                    to = some;
                }
                next = whole == 4 ? NAME_taps4(list, here + j, to, &channel) : NAME_taps2(list, here + j, to, &channel);
                if (to == some) {
                    channel.distance = d->half * columns;
                    for (int n = 0; n < whole && n < columns - j; n++) {
                        out[j + n] = some[n];
                        if (!alone)
                            out[j + n + channel.distance] = some[n + 4];
                    }
                }
            }
        }
        list = next;
        x += height * width;
        y += w->rows * columns;
    }
}

/* Kernels of 3x3 over maps of 2x2, padded by 1. */
KERNEL void depthwise_2x2(const int8_t *x, int8_t *y, uint32_t *tile, const uint8_t *list, const lanes_t *how,
                          int channels, int zero)
{
    uint32_t outside = (uint32_t)(zero + 128);
    rows_t rows = {how->rounding, how->shift, how->table, 4, channels, 0x80808080u, 0x00ff00ffu, outside, outside << 16, x};

    for (int i = 0; i < 12; i++)
        tile[i] = outside * 0x10001u;
    NAME_maps2(list, tile, y, &rows);
}

/* Outputs of a channel from `count` of its sums; returns what is behind them. */
typedef int8_t *round_t(const int32_t *sums, int8_t *y, const void *how, int channel, int count);

KERNEL int8_t *requantize_channel(const int32_t *sums, int8_t *y, const void *how, int channel, int count)
{
    return requantize_row(sums, y, how, channel, 0, count);
}

/* Behind the tile lie the sums, three more than are used, and the taps. */
KERNEL void depthwise(const int8_t *x, int8_t *y, uint32_t *tile, const int8_t *weights, const void *how,
                      const window_t *w, const depthwise_t *d, round_t *round)
{
    int columns = w->columns, across = (columns + 3) & ~3;
    int seen = d->rows - w->above < w->height ? d->rows - w->above : w->height;
    int32_t *sums = (int32_t *)tile + d->rows * d->row;
    tap_t *taps = (tap_t *)(sums + d->half * columns + 3), *behind = taps + w->tall * w->wide;
    fill_t all = {d->places, w->width, (uint32_t)(int32_t)d->centre, 4 * d->row, seen, 0, 0};

    for (int i = 0; i < d->rows * d->row; i++)
        tile[i] = (uint32_t)(d->zero - d->centre);
    for (int i = 0; taps + i != behind; i++)
        taps[i].place = 4 * d->taps[i];
    for (int c = 0; c < w->channels; c++, x += w->height * w->width) {
        const uint32_t *row = tile;

        NAME_spread(tile + w->above * d->row, x, &all);
        for (tap_t *tap = taps; tap != behind; tap++)
            tap->weight = *weights++;
        for (int left = w->rows; left > 0; left -= d->half) {
            int32_t *next = sums;

            for (int i = 0; i < d->half && i < left; i++, row += d->row * w->down, next += columns)
                NAME_windows(taps, behind, row, next, next + across); /* the next row's sums are put over the last */
            y = round(sums, y, how, c, (int)(next - sums));
        }
    }
}
