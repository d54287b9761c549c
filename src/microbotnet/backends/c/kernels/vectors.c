/* For processors with vector registers: a tensor is its pixels, each with all its channels. Up to BLOCK channels are
   worked on at once; those behind a pixel's last are computed, too, and written over or never read. Sizes are constants
   where these functions are used; the compiler makes each loop over channels a few instructions. */
#define BLOCK 32

/* What comes after the sums: see requantize_t. The arrays have a value for each channel and for those behind. */
typedef struct {
    const int32_t *multiplier, *offset, *start; /* start: added to a sum */
    const int8_t *table;
    int32_t low, high;
    int pre_shift, shift;
    const int32_t *right; /* 0; or the sums are rounded as Rescale does: offset is its bias, right its shift */
    int32_t zero;
} vectors_t;

static INLINE int32_t rescaled(int32_t sum, int channel, const vectors_t *how)
{
    int32_t right = how->right[channel], left = right < 0 ? -right : 0, half, sign;
    int32_t x = as_signed((uint32_t)(sum + how->offset[channel]) << left);

    x = (int32_t)(((int64_t)x * how->multiplier[channel] + ((int64_t)1 << 30)) >> 31);
    right = right < 0 ? 0 : right;
    half = right > 0; /* away from zero */
    sign = x >> 31 & -half;
    return ((((x + sign) >> (right - half)) + half) >> half) + how->zero;
}

static INLINE int32_t scaled(int32_t sum, int channel, const vectors_t *how)
{
    uint32_t factor = (uint32_t)how->multiplier[channel], product;

    sum += how->start[channel];
    if (how->right)
        return rescaled(sum, channel, how);
    product = (uint32_t)(sum >> how->pre_shift) * factor + (uint32_t)how->offset[channel];
    if (how->pre_shift)
        product += (uint32_t)(as_signed(((uint32_t)sum & ((1u << how->pre_shift) - 1)) * factor) >> how->pre_shift);
    return as_signed(product) >> how->shift;
}

static INLINE int16_t bounded(int32_t sum, int channel, const vectors_t *how)
{
    int32_t y = scaled(sum, channel, how);

    y = y < how->low ? how->low : y;
    return (int16_t)(y > how->high ? how->high : y);
}

static INLINE void finish(const int32_t *sums, int8_t *y, int channel, int lanes, const vectors_t *how)
{
    int16_t index[BLOCK];

    for (int l = 0; l < lanes; l++)
        index[l] = bounded(sums[l], channel + l, how);
    if (how->table)
        for (int l = 0; l < lanes; l++)
            y[l] = how->table[index[l] + 128];
    else
        for (int l = 0; l < lanes; l++)
            y[l] = (int8_t)index[l];
}

/* A picture, all of one channel, then of the next, to pixels. */
static INLINE void vector_picture(const uint8_t *x, int8_t *y, const int8_t *table, int step, int channels, int width,
                                  int pixels)
{
    for (int c = 0; c < channels; c++)
        for (int i = 0; i < pixels; i++)
            y[i * width + c] = table[c * step + *x++];
}

static INLINE void vector_lookup(const int8_t *x, int8_t *y, const int8_t *table, int step, int channels, int width,
                                 int pixels)
{
    for (int i = 0; i < pixels; i++)
        for (int c = 0; c < channels; c++)
            y[i * width + c] = table[c * step + x[i * width + c] + 128];
}

/* `count` pixels, at most PIXELS, of all outputs, from as many rows of `inputs` values. The weights of BLOCK outputs lie
   together. In 16 bits `run` products can be added up. */
#define PIXELS 4

static INLINE void products(const int16_t *values, int8_t *y, int16_t *scores, int count, int inputs, int outputs,
                            int width, int lanes, const int8_t *weights, int run, const vectors_t *how)
{
    for (int o = 0; o < outputs; o += lanes, weights += inputs * lanes) {
        int32_t sums[PIXELS][BLOCK] = {{0}};

        for (int from = 0; from < inputs; from += run) {
            int16_t some[PIXELS][BLOCK] = {{0}};
            int to = inputs - from < run ? inputs : from + run;

            for (int k = from; k < to; k++)
                for (int p = 0; p < count; p++)
                    for (int l = 0; l < lanes; l++)
                        some[p][l] = (int16_t)(some[p][l] + values[p * inputs + k] * weights[k * lanes + l]);
            for (int p = 0; p < count; p++)
                for (int l = 0; l < lanes; l++)
                    sums[p][l] += some[p][l];
        }
        if (!scores)
            for (int p = 0; p < count; p++)
                finish(sums[p], y + p * width + o, o, lanes, how);
        else
            for (int l = 0; l < lanes && o + l < outputs; l++)
                scores[o + l] = bounded(sums[0][l], o + l, how);
    }
}

/* What output (i, j) multiplies. */
static INLINE void window(const int8_t *x, int16_t *values, const window_t *w, int depth, int stride, int zero, int i,
                          int j)
{
    int top = i * w->down - w->above, left = j * w->right - w->before;
    int inside = top >= 0 && top + w->tall <= w->height && left >= 0 && left + w->wide <= w->width;

    for (int u = 0; u < w->tall; u++) {
        const int8_t *from = x + ((top + u) * w->width + left) * stride;

        if (inside && depth == stride)
            for (int c = 0; c < w->wide * depth; c++)
                *values++ = from[c];
        else
            for (int v = 0; v < w->wide; v++, from += stride)
                for (int c = 0; c < depth; c++)
                    *values++ = inside || (top + u >= 0 && top + u < w->height && left + v >= 0 && left + v < w->width)
                                    ? from[c] : (int16_t)zero;
    }
}

/* Any convolution of one group. values: room for PIXELS windows. */
static INLINE void vector_convolve(const int8_t *x, int8_t *y, int16_t *scores, int16_t *values, const window_t *w,
                                   int depth, int outputs, int stride, int width, int lanes, int zero,
                                   const int8_t *weights, int run, const vectors_t *how)
{
    int inputs = w->tall * w->wide * depth, pixels = w->rows * w->columns, i = 0, j = 0;

    for (int at = 0; at < pixels; at += PIXELS) {
        for (int n = 0; n < PIXELS && at + n < pixels; n++) {
            window(x, values + n * inputs, w, depth, stride, zero, i, j);
            if (++j == w->columns) {
                i++;
                j = 0;
            }
        }
        if (pixels - at >= PIXELS)
            products(values, y + at * width, scores, PIXELS, inputs, outputs, width, lanes, weights, run, how);
        else
            products(values, y + at * width, scores, pixels % PIXELS, inputs, outputs, width, lanes, weights, run, how);
    }
}

/* Inputs are taken less their zero point, so that padding adds nothing. */
static INLINE void vector_depthwise(const int8_t *x, int8_t *y, const window_t *w, int width, int lanes, int zero,
                                    const int8_t *weights, int run, const vectors_t *how)
{
    int all = (w->channels + lanes - 1) / lanes * lanes;

    for (int c = 0; c < w->channels; c += lanes)
        for (int i = 0; i < w->rows; i++)
            for (int j = 0; j < w->columns; j++) {
                int32_t sums[BLOCK] = {0};
                int16_t some[BLOCK] = {0};
                int left = run;

                for (int u = 0; u < w->tall; u++)
                    for (int v = 0; v < w->wide; v++) {
                        int a = i * w->down - w->above + u, b = j * w->right - w->before + v;
                        const int8_t *from = x + (a * w->width + b) * width + c;
                        const int8_t *weight = weights + (u * w->wide + v) * all + c;

                        if (a < 0 || a >= w->height || b < 0 || b >= w->width)
                            continue;
                        for (int l = 0; l < lanes; l++)
                            some[l] = (int16_t)(some[l] + (from[l] - zero) * weight[l]);
                        if (--left)
                            continue;
                        for (int l = 0; l < lanes; l++) {
                            sums[l] += some[l];
                            some[l] = 0;
                        }
                        left = run;
                    }
                for (int l = 0; l < lanes; l++)
                    sums[l] += some[l];
                finish(sums, y + (i * w->columns + j) * width + c, c, lanes, how);
            }
}

/* Sums, or the largest, of windows. */
static INLINE void vector_sum(const int8_t *x, int8_t *y, int16_t *scores, const window_t *w, int width,
                              const vectors_t *how)
{
    for (int i = 0; i < w->rows; i++)
        for (int j = 0; j < w->columns; j++)
            for (int c = 0; c < w->channels; c += BLOCK) {
                int32_t sums[BLOCK] = {0};

                for (int u = 0; u < w->tall; u++)
                    for (int v = 0; v < w->wide; v++)
                        for (int l = 0; l < BLOCK; l++)
                            sums[l] += x[((i * w->down + u) * w->width + j * w->right + v) * width + c + l];
                if (scores) {
                    for (int l = 0; l < BLOCK && c + l < w->channels; l++)
                        scores[c + l] = bounded(sums[l], 0, how);
                    continue;
                }
                finish(sums, y + (i * w->columns + j) * width + c, 0, BLOCK, how);
            }
}

static INLINE void vector_max(const int8_t *x, int8_t *y, const window_t *w, int width)
{
    for (int i = 0; i < w->rows; i++)
        for (int j = 0; j < w->columns; j++)
            for (int c = 0; c < w->channels; c++) {
                int8_t largest = -128;

                for (int u = 0; u < w->tall; u++)
                    for (int v = 0; v < w->wide; v++) {
                        int a = i * w->down - w->above + u, b = j * w->right - w->before + v;

                        if (a >= 0 && a < w->height && b >= 0 && b < w->width)
                            if (x[(a * w->width + b) * width + c] > largest)
                                largest = x[(a * w->width + b) * width + c];
                    }
                y[(i * w->columns + j) * width + c] = largest;
            }
}

static INLINE void vector_add(const int8_t *a, const int8_t *b, int8_t *y, int32_t of_a, int32_t of_b, int count,
                              const vectors_t *how)
{
    for (int i = 0; i < count; i += BLOCK) {
        int32_t sums[BLOCK];

        for (int l = 0; l < BLOCK; l++)
            sums[l] = as_signed((uint32_t)of_a * (uint32_t)(int32_t)a[i + l] + (uint32_t)of_b * (uint32_t)(int32_t)b[i + l]);
        finish(sums, y + i, 0, BLOCK, how);
    }
}

static INLINE void vector_gate(const int8_t *x, const int8_t *gates, int8_t *y, int zero_x, int zero_gate, int pixels,
                               int width, const vectors_t *how)
{
    for (int i = 0; i < pixels; i++)
        for (int c = 0; c < width; c += BLOCK) {
            int32_t sums[BLOCK];

            for (int l = 0; l < BLOCK; l++)
                sums[l] = (x[i * width + c + l] - zero_x) * (gates[c + l] - zero_gate);
            finish(sums, y + i * width + c, 0, BLOCK, how);
        }
}

/* One input of a concatenation, from channel `first` on. */
static INLINE void vector_place(const int8_t *x, int8_t *y, int first, int channels, int stride, int width, int pixels,
                                const vectors_t *how)
{
    for (int i = 0; i < pixels; i++)
        for (int c = 0; c < channels; c += BLOCK) {
            int32_t sums[BLOCK];
            int8_t made[BLOCK];

            for (int l = 0; l < BLOCK; l++)
                sums[l] = x[i * stride + c + l];
            finish(sums, made, 0, BLOCK, how);
            for (int l = 0; l < BLOCK && c + l < channels; l++)
                y[i * width + first + c + l] = made[l];
        }
}
