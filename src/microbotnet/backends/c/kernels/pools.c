/* Sums over windows without padding. */
KERNEL void sum_pool(const int8_t *x, int8_t *y, const requantize_t *how, const window_t *w)
{
    for (int c = 0; c < w->channels; c++, x += w->height * w->width)
        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                const int8_t *corner = x + i * w->down * w->width + j * w->right;
                int32_t sum = 0;

                for (int u = 0; u < w->tall; u++)
                    for (int v = 0; v < w->wide; v++)
                        sum += corner[u * w->width + v];
                *y++ = requantize(sum, how, c);
            }
}

/* The sum of each whole map, of 4 * words values; 128 words at most. */
KERNEL void sum_map(const int8_t *x, int8_t *y, const requantize_t *how, int channels, int words)
{
    for (int c = 0; c < channels; c++) {
        uint32_t lanes = 0;

        for (int i = words; i; i--, x += 4) {
            uint32_t four = four_bytes(x) ^ 0x80808080u;

            lanes += (four & 0x00ff00ffu) + (four >> 8 & 0x00ff00ffu);
        }
        *y++ = requantize((int32_t)((lanes & 0xffffu) + (lanes >> 16)) - 512 * words, how, c);
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
