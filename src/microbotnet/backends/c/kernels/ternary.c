/* Convolutions and linears whose weights are lists. */

/* Four neighbouring values as two words of lanes: 0 and 2, 1 and 3. */
KERNEL void unpack(const int8_t *x, uint32_t *tile, int channels, int pixels, int words, uint32_t centre)
{
    for (int c = 0; c < channels; c++, x += pixels - 2 * words)
        for (int i = 0; i < words; i += 2, x += 4) {
            uint32_t four = four_bytes(x) ^ 0x80808080u;

            *tile++ = (four & 0x00ff00ffu) - centre;
            *tile++ = (four >> 8 & 0x00ff00ffu) - centre;
        }
}

/* The same for any window: entry (c, u, v) holds what each of the 2 * words outputs from `first` on multiplies with
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

typedef struct {
    int16_t depth, outputs; /* of a group */
    int16_t zero, centre;   /* of x: what is outside the map; what is taken from every value */
    uint8_t words;          /* of an entry of the tile: 2 or 4 */
    uint8_t plain;          /* 1x1, and 4 divides the pixels */
} ternary_t;

KERNEL void ternary(const int8_t *x, int8_t *y, uint32_t *tile, const uint8_t *weights, const requantize_t *how,
                         const window_t *w, const ternary_t *t)
{
    int pixels = w->rows * w->columns, words = t->words, size = w->height * w->width;
    uint32_t centre = (uint32_t)(128 + t->centre) * 0x10001u;
    uint32_t sums[4];
    finish_t finish = {0, 0, 0, how->shift, how->table, 0};

    for (int i = 0; i < words; i++)
        tile[i] = 0;
    for (int group = 0; group < w->channels; group += t->depth, x += t->depth * size, y += t->outputs * pixels) {
        const uint8_t *list = weights;

        for (int at = 0; at < pixels; at += 2 * words) {
            int8_t *out = y + at;

            if (t->plain)
                unpack(x + at, tile + words, t->depth, pixels, words, centre);
            else
                unfold(x, tile + words, w, t->depth, at, words, t->zero, t->centre);
            list = weights;
            for (int o = 0; o < t->outputs; o++, out += pixels) {
                int from = how->step * (group / t->depth * t->outputs + o);

                list = words == 4 ? NAME_gather4(list, tile, sums) : NAME_gather2(list, tile, sums);
                finish.multiplier = how->multiplier[from];
                finish.upper = (uint32_t)how->offset[from];
                finish.lower = finish.upper - (uint32_t)finish.multiplier * START;
                if (pixels - at >= 2 * words)
                    NAME_finish_quads(sums, out, &finish, words);
                else {
                    int8_t some[8];

                    NAME_finish_quads(sums, some, &finish, words);
                    for (int i = 0; i < pixels - at; i++)
                        out[i] = some[i];
                }
            }
        }
        weights = list;
    }
}

KERNEL int32_t listed(const uint8_t *list, int bytes, const int8_t *x)
{
    int32_t sum = 0;
    uint32_t i = 0;

    for (const uint8_t *end = list + bytes; list != end; list++) {
        i += *list >> 4;
        sum += x[i++];
        i += *list & 15u;
        sum += x[i++];
    }
    return sum;
}

/* One output a row: a linear layer. entries: room for all of x and one more. */
KERNEL void ternary_linear(const int8_t *x, int8_t *y, int16_t *scores, int8_t *entries, const uint8_t *list,
                                const requantize_t *how, int inputs, int outputs, int centre)
{
    entries[0] = (int8_t)centre;
    for (int i = 0; i < inputs; i++)
        entries[i + 1] = x[i];
    for (int o = 0; o < outputs; o++) {
        int plus = *list++, minus = *list++;
        int32_t sum = -2 * centre * (plus - minus) + listed(list, plus, entries);

        list += plus;
        sum -= listed(list, minus, entries);
        list += minus;
        if (scores)
            scores[o] = score(sum, how, o);
        else
            y[o] = requantize(sum, how, o);
    }
}
