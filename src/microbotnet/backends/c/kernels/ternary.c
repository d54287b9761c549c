/* Convolutions and linears whose weights are lists. */

/* A tile for any window: entry (c, u, v) holds what each of the 2 * words outputs from `first` on multiplies with
   weight (c, u, v). */
KERNEL void unfold(const int8_t *x, uint32_t *tile, const window_t *w, int depth, int first, int words, int zero,
                   int centre)
{
    int16_t top[8], left[8];

    for (int n = 0; n < 2 * words; n++) {
        top[n] = (int16_t)((first + n) / w->columns * w->down - w->above);
        left[n] = (int16_t)((first + n) % w->columns * w->right - w->before);
    }
    for (int c = 0; c < depth; c++, x += w->height * w->width)
        for (int u = 0; u < w->tall; u++)
            for (int v = 0; v < w->wide; v++, tile += words)
                for (int n = 0; n < 2 * words; n++) {
                    int i = top[n] + u, j = left[n] + v, at = n / 4 * 2 + n % 2;
                    int inside = i >= 0 && i < w->height && j >= 0 && j < w->width;
                    uint32_t value = (uint32_t)((inside ? x[i * w->width + j] : zero) - centre);

                    tile[at] = n & 2 ? tile[at] + (value << 16) : value;
                }
}

/* The same for a pointwise convolution whose pixels fill every tile. */
KERNEL void unpack_at(const int8_t *x, uint32_t *tile, const window_t *w, int depth, int first, int words, int zero,
                      int centre)
{
    unpack_t all = {w->height * w->width, depth * w->height * w->width, words, (uint32_t)(128 + centre) * 0x10001u};

    (void)zero;
    NAME_unpack(x + first, tile, &all);
}

typedef void load_t(const int8_t *x, uint32_t *tile, const window_t *w, int depth, int first, int words, int zero,
                    int centre);

typedef struct {
    int16_t depth, outputs; /* of a group */
    int16_t zero, centre;   /* of x: what is outside the map; what is taken from every value */
    uint8_t words;          /* of an entry of the tile: 2 or 4 */
    uint8_t bytes;          /* a distance is a byte, not half of one */
} ternary_t;

/* The tile's rows by the encoding of their lists. */
KERNEL const uint8_t *listed_rows(const uint8_t *list, const uint32_t *tile, int8_t *y, rows_t *rows, const ternary_t *t)
{
    if (t->bytes)
        return t->words == 4 ? NAME_bytes4(list, tile, y, rows) : NAME_bytes2(list, tile, y, rows);
    return t->words == 4 ? NAME_rows4(list, tile, y, rows) : NAME_rows2(list, tile, y, rows);
}

KERNEL void ternary(const int8_t *x, int8_t *y, uint32_t *tile, const uint8_t *weights, const lanes_t *how,
                    const window_t *w, const ternary_t *t, load_t *load)
{
    int pixels = w->rows * w->columns, words = t->words;
    rows_t rows = {how->rounding, how->shift, how->table, pixels, t->outputs, 0, 0, 0, 0, 0};

    for (int i = 0; i < words; i++)
        tile[i] = 0;
    for (int left = w->channels; left > 0; left -= t->depth) {
        const int32_t *rounding = rows.rounding;
        const uint8_t *list = weights;

        for (int at = 0; at < pixels; at += 2 * words) {
            int8_t *out = y + at;

            load(x, tile + words, w, t->depth, at, words, t->zero, t->centre);
            list = weights;
            rows.rounding = rounding;
            if (pixels - at >= 2 * words)
                list = listed_rows(list, tile, out, &rows, t);
            else {
                rows.count = 1;
                for (int o = 0; o < t->outputs; o++, out += pixels) {
                    int8_t some[8];

                    list = listed_rows(list, tile, some, &rows, t);
                    for (int i = 0; i < pixels - at; i++)
                        out[i] = some[i];
                }
                rows.count = t->outputs;
            }
        }
        weights = list;
        x += t->depth * w->height * w->width;
        y += t->outputs * pixels;
    }
}

/* One output a row: a linear layer. entries: room for all of x and one more, for pairs one more for every 255. */
KERNEL void ternary_linear(const int8_t *x, int8_t *y, int16_t *scores, int8_t *entries, const uint8_t *list,
                           const requantize_t *how, int inputs, int outputs, int centre, int pairs)
{
    int32_t sums[16];
    int8_t *to = entries;

    for (int i = 0; i < inputs;) {
        *to++ = (int8_t)centre;
        for (int n = 0; i < inputs && (n < 255 || !pairs); n++)
            *to++ = x[i++];
    }
    for (int o = 0; o < outputs; o += 16) {
        int count = outputs - o < 16 ? outputs - o : 16;

        if (!pairs)
            list = NAME_listed(list, entries, sums, count, -2 * centre);
        else {
            for (int n = 0; n < count; n++)
                sums[n] = 0;
            to = entries;
            for (int i = 0; i < inputs; i += 255, to += 256)
                list = NAME_paired(list, to, sums, count);
        }
        if (scores)
            for (int n = 0; n < count; n++)
                scores[o + n] = score(sums[n], how, o + n);
        else
            y = requantize_row(sums, y, how, o, how->step, count);
    }
}
