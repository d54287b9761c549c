/* Depthwise convolutions as straight code, one function for each kind of windows; this is what they compute. Offsets are
   for values less their zero point and 128 outputs larger; what they do not say of it is added to the sums. */
typedef struct {
    const int32_t *multiplier, *offset; /* one a channel */
    const uint8_t *start; /* a byte a channel; two, the lower first, with a pre-shift of more than 8 */
    const int8_t *table;
    int32_t zero, channels;
    const window_t *window;
    int32_t pre_shift, shift;
} mapped_t;

KERNEL void depthwise_mapped(const int8_t *x, int8_t *y, const int8_t *weights, const mapped_t *m)
{
    const window_t *w = m->window;

    for (int c = 0; c < m->channels; c++, x += w->height * w->width, weights += w->tall * w->wide)
        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                uint32_t factor = (uint32_t)m->multiplier[c], scaled, low = (1u << m->pre_shift) - 1;
                int32_t sum = m->pre_shift > 8 ? m->start[2 * c] | m->start[2 * c + 1] << 8 : m->start[c];

                for (int u = 0; u < w->tall; u++)
                    for (int v = 0; v < w->wide; v++) {
                        int a = i * w->down - w->above + u, b = j * w->right - w->before + v;

                        if (a >= 0 && a < w->height && b >= 0 && b < w->width)
                            sum += weights[u * w->wide + v] * (x[a * w->width + b] - m->zero);
                    }
                scaled = (uint32_t)(sum >> m->pre_shift) * factor + (uint32_t)m->offset[c];
                scaled += (uint32_t)(as_signed(((uint32_t)sum & low) * factor) >> m->pre_shift);
                *y++ = m->table[limited(as_signed(scaled) >> m->shift)];
            }
}
