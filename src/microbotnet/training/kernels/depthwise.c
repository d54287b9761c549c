/* Convolutions with one filter a channel, of sources without a gate. The map lies within a border of zeros, so that every tap finds a value. */
#include "stage.h"

static size_t outputs_of(size_t size, shape_t s)
{
    return (size + 2 * s.padding - s.kernel) / s.stride + 1;
}

/* weight: channels × taps; to: taps × channels, with room. */
static void taps_of(const float *weight, size_t channels, size_t taps, float *to)
{
    for (size_t t = 0; t < taps; t++)
        for (size_t c = 0; c < channels; c++)
            to[t * whole(channels) + c] = weight[c * taps + t];
}

static void bordered(const source_t *source, size_t picture, shape_t s, float *to)
{
    size_t channels = whole(source->channels), pixel = pixel_of(source);
    const float *raw = source->raw + picture * source->pixels * pixel;

    for (size_t y = 0; y < s.height; y++)
        values(source, raw + y * s.width * pixel, NULL, s.width,
               to + ((y + s.padding) * (s.width + 2 * s.padding) + s.padding) * channels);
}

static INLINE void convolve(const float *a, const float *taps, float *to, shape_t s, size_t channels, size_t kernel)
{
    size_t rows = outputs_of(s.height, s), columns = outputs_of(s.width, s), line = (s.width + 2 * s.padding) * channels;

    for (size_t c = 0; c < channels; c += LANES) {
        vector tap[49]; /* here, where no store can change them */

        for (size_t t = 0; t < kernel * kernel; t++)
            tap[t] = at(taps + t * channels + c);
        for (size_t y = 0; y < rows; y++)
            for (size_t x = 0; x < columns; x++) {
                const float *from = a + y * s.stride * line + x * s.stride * channels + c;
                vector sum = all(0);

#pragma GCC unroll 5
                for (size_t v = 0; v < kernel; v++)
#pragma GCC unroll 5
                    for (size_t h = 0; h < kernel; h++)
                        sum += at(from + v * line + h * channels) * tap[v * kernel + h];
                put(to + (y * columns + x) * channels + c, sum);
            }
    }
}

/* Adds to grad_taps. grad: its rows are `line_g` floats apart. together: rows of the kernel that are done at once. */
static INLINE void weigh(const float *a, const float *grad, size_t line_g, float *grad_taps, shape_t s, size_t channels,
                         size_t kernel, size_t together)
{
    size_t rows = outputs_of(s.height, s), columns = outputs_of(s.width, s), line = (s.width + 2 * s.padding) * channels;

    for (size_t c = 0; c < channels; c += LANES)
        for (size_t v = 0; v < kernel; v += together) {
            float *to = grad_taps + v * kernel * channels + c;
            vector sum[9] = {{0}};

            for (size_t y = 0; y < rows; y++)
                for (size_t x = 0; x < columns; x++) {
                    const float *from = a + (y * s.stride + v) * line + x * s.stride * channels + c;
                    vector g = at(grad + y * line_g + x * channels + c);

#pragma GCC unroll 3
                    for (size_t r = 0; r < together; r++)
#pragma GCC unroll 9
                        for (size_t h = 0; h < kernel; h++)
                            sum[r * kernel + h] += g * at(from + r * line + h * channels);
                }
#pragma GCC unroll 9
            for (size_t t = 0; t < together * kernel; t++)
                put(to + t * channels, at(to + t * channels) + sum[t]);
        }
}

/* The gradient of the inputs whose place, the border counted, is `down` and `right` more than a multiple of the stride:
   they meet every stride-th tap from there on. grad: within a border of before() and behind. */
static INLINE void some_inputs(const float *grad, size_t line_g, const float *taps, float *to, shape_t s, size_t channels,
                               size_t kernel, size_t stride, size_t down, size_t right)
{
    size_t border = (kernel - 1) / stride, top = (down + stride - s.padding % stride) % stride;
    size_t left = (right + stride - s.padding % stride) % stride;

    for (size_t c = 0; c < channels; c += LANES) {
        vector tap[49];

        for (size_t t = 0; t < kernel * kernel; t++)
            tap[t] = at(taps + t * channels + c);
        for (size_t y = top; y < s.height; y += stride)
            for (size_t x = left; x < s.width; x += stride) {
                const float *from = grad + ((y + s.padding) / stride + border) * line_g +
                                    ((x + s.padding) / stride + border) * channels + c;
                vector sum = all(0);

#pragma GCC unroll 5
                for (size_t v = down; v < kernel; v += stride)
#pragma GCC unroll 5
                    for (size_t h = right; h < kernel; h += stride)
                        sum += at(from - (v / stride) * line_g - (h / stride) * channels) * tap[v * kernel + h];
                put(to + (y * s.width + x) * channels + c, sum);
            }
    }
}

static INLINE void inputs(const float *grad, size_t line_g, const float *taps, float *to, shape_t s, size_t channels,
                          size_t kernel, size_t stride)
{
#pragma GCC unroll 2
    for (size_t down = 0; down < stride; down++)
#pragma GCC unroll 2
        for (size_t right = 0; right < stride; right++)
            some_inputs(grad, line_g, taps, to, s, channels, kernel, stride, down, right);
}

int depthwise(const source_t *source, const shape_t *shape, const float *weight, const norm_t *norm)
{
    shape_t s = *shape;
    size_t width = whole(source->channels), taps = s.kernel * s.kernel;
    size_t pixels = outputs_of(s.height, s) * outputs_of(s.width, s);
    size_t places = (s.height + 2 * s.padding) * (s.width + 2 * s.padding);
    float *room = calloc(1, 4 * width * (taps + 1 + places) + 16 * width);
    double *totals = (double *)room;
    float *pivot = (float *)(totals + 2 * width), *kernel = pivot + width, *a = kernel + taps * width;

    if (!room)
        return 0;
    taps_of(weight, source->channels, taps, kernel);
    for (size_t p = 0; p < source->pictures; p++) {
        float *raw = norm->raw + p * pixels * width;

        bordered(source, p, s, a);
        switch (s.kernel) {
        case 3: convolve(a, kernel, raw, s, width, 3); break;
        case 5: convolve(a, kernel, raw, s, width, 5); break;
        default: convolve(a, kernel, raw, s, width, s.kernel);
        }
        if (p == 0)
            memcpy(pivot, raw, width * sizeof *pivot);
        tally(raw, pixels, width, pivot, totals, norm->means ? norm->means + p * width : NULL);
    }
    settle(norm, pivot, totals, source->pictures * pixels);
    free(room);
    return 1;
}

int depthwise_backward(const source_t *source, const shape_t *shape, const float *weight, const behind_t *behind,
                       const gradient_t *to, float *grad_weight)
{
    shape_t s = *shape;
    size_t channels = source->channels, width = whole(channels), taps = s.kernel * s.kernel;
    size_t rows = outputs_of(s.height, s), columns = outputs_of(s.width, s), pixels = rows * columns;
    size_t places = (s.height + 2 * s.padding) * (s.width + 2 * s.padding);
    size_t border = (s.kernel - 1) / s.stride; /* before the gradient; and behind it as far as the last input looks */
    size_t high = (s.height - 1 + s.padding) / s.stride + 1, wide_ = (s.width - 1 + s.padding) / s.stride + 1;
    size_t high_g = border + (high > rows ? high : rows), wide_g = border + (wide_ > columns ? wide_ : columns);
    size_t line_g = wide_g * width;
    float *room = calloc(1, 4 * width * (2 * taps + 4 + places + high_g * wide_g + source->pixels) + 16 * width);
    double *sums = (double *)room;
    float *by = (float *)(sums + 2 * width), *kernel = by + 4 * width, *grad_kernel = kernel + taps * width;
    float *a = grad_kernel + taps * width, *grad = a + places * width, *grad_a = grad + high_g * line_g;
    float *first = grad + border * line_g + border * width;

    if (!room)
        return 0;
    taps_of(weight, channels, taps, kernel);
    behind_norm(behind, source->pictures, pixels, by);
    for (size_t p = 0; p < source->pictures; p++) {
        const float *constant = constant_of(behind, p, pixels, by);

        for (size_t y = 0; y < rows; y++) {
            size_t from = (p * pixels + y * columns) * width;

            differences(by, constant, behind->grad + from, behind->raw + from, columns, width, first + y * line_g);
        }
        if (to->raw) {
            rows_t made = {a + s.padding * (s.width + 2 * s.padding + 1) * width, s.width, 2 * s.padding * width};

            switch (s.kernel * 4 + (s.stride < 3 ? s.stride : 3)) {
            case 13: inputs(grad, line_g, kernel, grad_a, s, width, 3, 1); break;
            case 14: inputs(grad, line_g, kernel, grad_a, s, width, 3, 2); break;
            case 21: inputs(grad, line_g, kernel, grad_a, s, width, 5, 1); break;
            case 22: inputs(grad, line_g, kernel, grad_a, s, width, 5, 2); break;
            default: inputs(grad, line_g, kernel, grad_a, s, width, s.kernel, s.stride);
            }
            hand_back(source, p, grad_a, to, sums, &made);
        }
        if (grad_weight) {
            if (!to->raw || !source->statistics)
                bordered(source, p, s, a);
            switch (s.kernel) {
            case 3: weigh(a, first, line_g, grad_kernel, s, width, 3, 3); break;
            case 5: weigh(a, first, line_g, grad_kernel, s, width, 5, 1); break;
            default: weigh(a, first, line_g, grad_kernel, s, width, s.kernel, 1);
            }
        }
    }
    hand_back_sums(source, sums, to);
    if (grad_weight)
        for (size_t c = 0; c < channels; c++)
            for (size_t t = 0; t < taps; t++)
                grad_weight[c * taps + t] = grad_kernel[t * width + c];
    free(room);
    return 1;
}
