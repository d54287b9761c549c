/* 1×1 convolutions. */
#include "matrix.h"
#include "stage.h"

#define FEWEST 64 /* pixels that are done together, by whole pictures */

static size_t at_once(const source_t *source)
{
    size_t pictures = source->pixels < FEWEST ? FEWEST / source->pixels : 1;

    return pictures < source->pictures ? pictures : source->pictures;
}

/* The values of so many pictures: raw's own, where they lie as is wanted. */
static const float *inputs(const source_t *source, size_t picture, size_t pictures, float *room)
{
    size_t pixel = pixel_of(source), width = whole(source->channels);
    const float *raw = source->raw + picture * source->pixels * pixel;

    if (!source->statistics && pixel == width)
        return raw;
    for (size_t p = 0; p < pictures; p++)
        values(source, raw + p * source->pixels * pixel, gate_of(source, picture + p), source->pixels,
               room + p * source->pixels * width);
    return room;
}

int pointwise(const source_t *source, const float *weight, const norm_t *norm)
{
    size_t inputs_c = source->channels, outputs = norm->channels, width = whole(outputs), together = at_once(source);
    size_t in_width = whole(inputs_c), pixels = source->pixels;
    float *room = calloc(1, 4 * (in_width * width + together * pixels * in_width + width) + 16 * width);
    double *totals = (double *)room;
    float *pivot = (float *)(totals + 2 * width), *turned = pivot + width, *a = turned + in_width * width;

    if (!room)
        return 0;
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < inputs_c; i++)
            turned[i * width + o] = weight[o * inputs_c + i];
    for (size_t picture = 0; picture < source->pictures; picture += together) {
        size_t some = source->pictures - picture < together ? source->pictures - picture : together;
        float *raw = norm->raw + picture * pixels * width;

        product(inputs(source, picture, some, a), in_width, 1, turned, width, raw, width, some * pixels, width, inputs_c,
                0);
        if (picture == 0)
            memcpy(pivot, raw, width * sizeof *pivot);
        if (norm->means)
            for (size_t p = 0; p < some; p++)
                tally(raw + p * pixels * width, pixels, width, pivot, totals, norm->means + (picture + p) * width);
        else
            tally(raw, some * pixels, width, pivot, totals, NULL);
    }
    settle(norm, pivot, totals, source->pictures * pixels);
    free(room);
    return 1;
}

int pointwise_backward(const source_t *source, const float *weight, const behind_t *behind, const gradient_t *to,
                       float *grad_weight)
{
    size_t channels = source->channels, in_width = whole(channels), outputs = behind->channels, width = whole(outputs);
    size_t together = at_once(source), pixels = source->pixels, tile = together * pixels;
    float *room = calloc(1, 4 * (tile * (width + 2 * in_width) + 2 * outputs * in_width + 4 * width) + 16 * in_width);
    double *sums = (double *)room;
    float *rows = (float *)(sums + 2 * in_width), *kernel = rows + 4 * width, *grad_kernel = kernel + outputs * in_width;
    float *grad = grad_kernel + outputs * in_width, *a = grad + tile * width, *grad_a = a + tile * in_width;

    if (!room)
        return 0;
    for (size_t o = 0; o < outputs; o++)
        memcpy(kernel + o * in_width, weight + o * channels, channels * sizeof *kernel);
    behind_norm(behind, source->pictures, pixels, rows);
    for (size_t picture = 0; picture < source->pictures; picture += together) {
        size_t some = source->pictures - picture < together ? source->pictures - picture : together;
        const float *seen = NULL; /* the values, if their gradient shows them */

        for (size_t p = 0; p < some; p++) {
            size_t from = (picture + p) * pixels * width;

            differences(rows, constant_of(behind, picture + p, pixels, rows), behind->grad + from, behind->raw + from,
                        pixels, width, grad + p * pixels * width);
        }
        if (to->raw) {
            product(grad, width, 1, kernel, in_width, grad_a, in_width, some * pixels, in_width, outputs, 0);
            for (size_t p = 0; p < some; p++) {
                rows_t made = {a + p * pixels * in_width, pixels, 0};

                hand_back(source, picture + p, grad_a + p * pixels * in_width, to, sums, &made);
            }
            seen = source->statistics ? a : NULL;
        }
        if (grad_weight)
            product(grad, 1, width, seen ? seen : inputs(source, picture, some, a), in_width, grad_kernel, in_width,
                    outputs, in_width, some * pixels, 1);
    }
    hand_back_sums(source, sums, to);
    if (grad_weight)
        for (size_t o = 0; o < outputs; o++)
            memcpy(grad_weight + o * channels, grad_kernel + o * in_width, channels * sizeof *grad_weight);
    free(room);
    return 1;
}
