/* Ternary depthwise convolutions as straight code: for each tap a piece that adds its words to the sums of a block of
   outputs, for each kernel a list of jumps from piece to piece. */
typedef struct {
    int32_t channels;
    uint32_t less, lower;        /* the zero point's byte with 128 added, negative: of both lanes, of the lower */
    uint32_t sign, bytes, start; /* masks; what sums begin with, which becomes LANES when they are turned round */
    const window_t *window;
} tapped_t;

/* Where the piece of a tap begins, from where its jump counts, and which tap it is; -1: none, a stepping stone. */
typedef struct {
    int16_t start, behind, tap;
} piece_t;

/* The weights that a list stands for; returns what is behind it. */
KERNEL const uint8_t *tapped_weights(const uint8_t *list, int8_t *weights, const piece_t *pieces, int first, int turn)
{
    for (int sign = -1; sign < 2; sign += 2)
        for (int at = first + *list++; at < turn; at += *list++) {
            const piece_t *piece = pieces;

            while (piece->start != at)
                piece++;
            if (piece->tap >= 0)
                weights[piece->tap] = (int8_t)sign;
            at = piece->behind;
        }
    return list;
}

/* What those functions compute. */
KERNEL void tapped_plain(const int8_t *x, int8_t *y, const uint8_t *list, const tapped_t *m, const lanes_t *how,
                         const piece_t *pieces, int first, int turn, int clamped)
{
    const window_t *w = m->window;
    const int32_t *rounding = how->rounding;

    for (int c = m->channels; c; c--, rounding += 2, x += w->height * w->width) {
        int8_t weights[32] = {0};

        list = tapped_weights(list, weights, pieces, first, turn);
        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                uint32_t sum = START;
                int32_t index;

                for (int u = 0; u < w->tall; u++)
                    for (int v = 0; v < w->wide; v++) {
                        int a = i * w->down - w->above + u, b = j * w->right - w->before + v;

                        if (a >= 0 && a < w->height && b >= 0 && b < w->width)
                            sum += (uint32_t)(weights[u * w->wide + v] * (x[a * w->width + b] + 128)) +
                                   (uint32_t)weights[u * w->wide + v] * m->lower;
                    }
                index = as_signed(sum * (uint32_t)rounding[0] + (uint32_t)rounding[1]) >> how->shift;
                *y++ = how->table[clamped ? (int32_t)limited(index) : index];
            }
    }
}

/* The same for kernels of 3x3 over maps of 2x2, which are the places of their rows: the last, the middle, the first. */
KERNEL void squares_plain(const int8_t *x, int8_t *y, const uint8_t *rows, const tapped_t *m, const lanes_t *how,
                          const uint8_t *places, int clamped)
{
    const int32_t *rounding = how->rounding;

    for (int c = m->channels; c; c--, rounding += 2, rows += 3, x += 4)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++) {
                uint32_t sum = START;
                int32_t index;

                for (int a = 0; a < 2; a++) {
                    int n = 0;

                    while (places[n] != rows[1 - a + i])
                        n++;
                    for (int b = 0; b < 2; b++) {
                        int v = b - j + 1, weight = (v == 0 ? n / 9 : v == 1 ? n / 3 % 3 : n % 3) - 1;

                        sum += (uint32_t)(weight * (x[2 * a + b] + 128)) + (uint32_t)weight * m->lower;
                    }
                }
                index = as_signed(sum * (uint32_t)rounding[0] + (uint32_t)rounding[1]) >> how->shift;
                *y++ = how->table[clamped ? (int32_t)limited(index) : index];
            }
}
