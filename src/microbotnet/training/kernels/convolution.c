/* Convolutions of few channels, whose patches are the rows of a matrix: k × k × channels floats, with room behind. */
#include "matrix.h"
#include "stage.h"

static size_t outputs_of(size_t size, shape_t s)
{
    return (size + 2 * s.padding - s.kernel) / s.stride + 1;
}

/* A picture's values within a border of zeros, without room. line: for one line of them with room. */
static void bordered(const source_t *source, size_t picture, shape_t s, float *line, float *to)
{
    size_t channels = source->channels, pixel = pixel_of(source);

    for (size_t y = 0; y < s.height; y++) {
        const float *raw = source->raw + (picture * source->pixels + y * s.width) * pixel;
        float *here = to + ((y + s.padding) * (s.width + 2 * s.padding) + s.padding) * channels;

        values(source, raw, gate_of(source, picture), s.width, line);
        dense(here, line, NULL, s.width, channels);
    }
}

static INLINE void patches_of(const float *map, shape_t s, size_t channels, size_t row, float *patches)
{
    size_t rows = outputs_of(s.height, s), columns = outputs_of(s.width, s), width = whole(s.kernel * row);

    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++, patches += width)
            for (size_t v = 0; v < s.kernel; v++)
                memcpy(patches + v * row,
                       map + ((y * s.stride + v) * (s.width + 2 * s.padding) + x * s.stride) * channels, row * 4);
}

static void patches(const float *map, shape_t s, size_t channels, float *to)
{
    if (s.kernel * channels == 9)
        patches_of(map, s, channels, 9, to);
    else
        patches_of(map, s, channels, s.kernel * channels, to);
}

/* Adds to the map what each patch says of its floats. */
static void scattered(const float *patches, shape_t s, size_t channels, float *map)
{
    size_t rows = outputs_of(s.height, s), columns = outputs_of(s.width, s), row = s.kernel * channels;

    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < columns; x++, patches += whole(s.kernel * row))
            for (size_t v = 0; v < s.kernel; v++) {
                float *to = map + ((y * s.stride + v) * (s.width + 2 * s.padding) + x * s.stride) * channels;

                for (size_t i = 0; i < row; i++)
                    to[i] += patches[v * row + i];
            }
}

/* A weight's place in a patch: weights are outputs × channels × kernel². */
static size_t place_of(size_t i, size_t channels, size_t taps)
{
    return i % taps * channels + i / taps;
}

int convolution(const source_t *source, const shape_t *shape, const float *weight, const norm_t *norm)
{
    shape_t s = *shape;
    size_t channels = source->channels, outputs = norm->channels, width = whole(outputs), taps = s.kernel * s.kernel;
    size_t pixels = outputs_of(s.height, s) * outputs_of(s.width, s), depth = taps * channels;
    size_t places = (s.height + 2 * s.padding) * (s.width + 2 * s.padding);
    float *room = calloc(1, 4 * (width * (1 + depth) + pixels * whole(depth) + places * channels +
                                 s.width * whole(channels)) + 16 * width);
    double *totals = (double *)room;
    float *pivot = (float *)(totals + 2 * width), *turned = pivot + width, *a = turned + depth * width;
    float *line = a + pixels * whole(depth), *map = line + s.width * whole(channels);

    if (!room)
        return 0;
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < depth; i++)
            turned[place_of(i, channels, taps) * width + o] = weight[o * depth + i];
    for (size_t p = 0; p < source->pictures; p++) {
        float *raw = norm->raw + p * pixels * width;

        bordered(source, p, s, line, map);
        patches(map, s, channels, a);
        product(a, whole(depth), 1, turned, width, raw, width, pixels, width, depth, 0);
        if (p == 0)
            memcpy(pivot, raw, width * sizeof *pivot);
        tally(raw, pixels, width, pivot, totals, norm->means ? norm->means + p * width : NULL);
    }
    settle(norm, pivot, totals, source->pictures * pixels);
    free(room);
    return 1;
}

int convolution_backward(const source_t *source, const shape_t *shape, const float *weight, const behind_t *behind,
                         const gradient_t *to, float *grad_weight)
{
    shape_t s = *shape;
    size_t channels = source->channels, outputs = behind->channels, width = whole(outputs), taps = s.kernel * s.kernel;
    size_t pixels = outputs_of(s.height, s) * outputs_of(s.width, s), depth = taps * channels, deep = whole(depth);
    size_t line_m = (s.width + 2 * s.padding) * channels, places = (s.height + 2 * s.padding) * line_m;
    size_t in_width = whole(channels);
    float *room = calloc(1, 4 * (width * 4 + 2 * outputs * deep + pixels * (width + deep) + places +
                                 source->pixels * in_width) + 16 * in_width);
    double *sums = (double *)room;
    float *rows = (float *)(sums + 2 * in_width), *kernel = rows + 4 * width, *grad_kernel = kernel + outputs * deep;
    float *grad = grad_kernel + outputs * deep, *a = grad + pixels * width, *grad_a = a + pixels * deep;
    float *map = grad_a + source->pixels * in_width;

    if (!room)
        return 0;
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < depth; i++)
            kernel[o * deep + place_of(i, channels, taps)] = weight[o * depth + i];
    behind_norm(behind, source->pictures, pixels, rows);
    for (size_t p = 0; p < source->pictures; p++) {
        differences(rows, constant_of(behind, p, pixels, rows), behind->grad + p * pixels * width,
                    behind->raw + p * pixels * width, pixels, width, grad);
        if (grad_weight) {
            if (to->raw)
                memset(map, 0, places * sizeof *map);
            bordered(source, p, s, grad_a, map);
            patches(map, s, channels, a);
            product(grad, 1, width, a, deep, grad_kernel, deep, outputs, deep, pixels, 1);
        }
        if (!to->raw)
            continue;
        memset(map, 0, places * sizeof *map);
        product(grad, width, 1, kernel, deep, a, deep, pixels, deep, outputs, 0);
        scattered(a, s, channels, map);
        for (size_t y = 0; y < s.height; y++)
            with_room(grad_a + y * s.width * in_width, map + (y + s.padding) * line_m + s.padding * channels, s.width,
                      channels);
        hand_back(source, p, grad_a, to, sums, NULL);
    }
    hand_back_sums(source, sums, to);
    if (grad_weight)
        for (size_t o = 0; o < outputs; o++)
            for (size_t i = 0; i < depth; i++)
                grad_weight[o * depth + i] = grad_kernel[o * deep + place_of(i, channels, taps)];
    free(room);
    return 1;
}
