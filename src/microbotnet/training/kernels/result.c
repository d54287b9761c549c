/* The values behind a chain's last stage, as others see them. */
#include "stage.h"

/* Of a picture, without the shortcut. */
static void shown(const source_t *source, size_t picture, float *gate, float *padded, float *y)
{
    size_t channels = source->channels, width = whole(channels), pixels = source->pixels;

    if (source->gate)
        with_room(gate, source->gate + picture * channels, channels);
    values(source, source->raw + picture * pixels * width, source->gate ? gate : NULL, pixels, padded);
    dense(y, padded, NULL, pixels, channels);
}

static float rounded_one(float x, const rounding_t *to)
{
    x = x < to->low ? to->low : x > to->high ? to->high : x;
    return (x * to->inverse + SHIFTER - SHIFTER) * to->step;
}

/* y, and shortcut, which is added unless it is NULL, and the sum rounded: pictures × pixels × channels. Returns 0 where
   there is no memory. */
PUBLIC int result(const source_t *source, const float *shortcut, const rounding_t *sum, float *y)
{
    size_t width = whole(source->channels), size = source->pixels * source->channels;
    float *gate = malloc((1 + source->pixels) * width * sizeof *gate);

    if (!gate)
        return 0;
    for (size_t p = 0; p < source->pictures; p++, y += size) {
        shown(source, p, gate, gate + width, y);
        if (shortcut)
            for (size_t i = 0; i < size; i++)
                y[i] += shortcut[p * size + i];
        if (sum->step)
            for (size_t i = 0; i < size; i++)
                y[i] = rounded_one(y[i], sum);
    }
    free(gate);
    return 1;
}

/* grad: of y; where the sum was rounded, changed to that before the rounding, which is the shortcut's too. Returns 0
   where there is no memory. */
PUBLIC int result_backward(const source_t *source, const float *shortcut, const rounding_t *sum, float *grad,
                           const gradient_t *to)
{
    size_t channels = source->channels, width = whole(channels), pixels = source->pixels, size = pixels * channels;
    double *sums = calloc(1, 16 * width + 4 * width * (2 + 2 * pixels));
    float *gate = (float *)(sums + 2 * width), *grad_gate = gate + width, *padded = grad_gate + width;
    float *before_sum = padded + pixels * width;

    if (!sums)
        return 0;
    for (size_t p = 0; p < source->pictures; p++, grad += size) {
        if (sum->step) {
            shown(source, p, gate, padded, before_sum);
            for (size_t i = 0; i < size; i++) {
                float x = before_sum[i] + (shortcut ? shortcut[p * size + i] : 0);

                grad[i] = x <= sum->low || x >= sum->high ? 0 : grad[i];
            }
        }
        if (source->gate)
            with_room(gate, source->gate + p * channels, channels);
        for (size_t i = 0; i < pixels; i++)
            with_room(padded + i * width, grad + i * channels, channels);
        gradient(source, source->raw + p * pixels * width, source->gate ? gate : NULL, padded,
                 to->raw + p * pixels * width, sums, grad_gate);
        if (source->gate)
            memcpy(to->gate + p * channels, grad_gate, channels * sizeof *grad_gate);
    }
    for (size_t i = 0; i < 2 * width; i++)
        to->statistics[i] = (float)sums[i];
    free(sums);
    return 1;
}

/* The lowest and the highest of the values. Returns 0 where there is no memory. */
PUBLIC int ends(const source_t *source, float *found)
{
    size_t width = whole(source->channels), pixels = source->pixels, size = pixels * source->channels;
    float *gate = malloc((1 + 2 * pixels) * width * sizeof *gate), *padded = gate + width, *y = padded + pixels * width;
    vector low = all(__builtin_inff()), high = -low;

    if (!gate)
        return 0;
    for (size_t p = 0; p < source->pictures; p++) {
        shown(source, p, gate, padded, y);
        for (size_t i = size; i < LANES; i++) /* there is room for a vector at least */
            y[i] = y[0];
        for (size_t i = 0; i < size; i += LANES) { /* the last may overlap the one before */
            vector x = at(y + (i + LANES > size && i ? size - LANES : i));

            low = where(x < low, x, low);
            high = where(x > high, x, high);
        }
    }
    found[0] = low[0];
    found[1] = high[0];
    for (int l = 1; l < LANES; l++) {
        found[0] = low[l] < found[0] ? low[l] : found[0];
        found[1] = high[l] > found[1] ? high[l] : found[1];
    }
    free(gate);
    return 1;
}

/* Over each picture, of the values, which have no gate: pictures × channels. Returns 0 where there is no memory. */
PUBLIC int averages(const source_t *source, float *means)
{
    size_t width = whole(source->channels), pixels = source->pixels;
    float *room = malloc((pixels + 1) * width * sizeof *room), *sum = room + pixels * width;

    if (!room)
        return 0;
    for (size_t p = 0; p < source->pictures; p++, means += source->channels) {
        values(source, source->raw + p * pixels * width, NULL, pixels, room);
        for (size_t c = 0; c < width; c += LANES) {
            vector total = all(0);

            for (size_t i = c; i < pixels * width; i += width)
                total += at(room + i);
            put(sum + c, total * (1.0f / pixels));
        }
        memcpy(means, sum, source->channels * sizeof *means);
    }
    free(room);
    return 1;
}

/* Adds to the gradients of the source what comes by its averages, whose gradient is grad_means. */
PUBLIC int averages_backward(const source_t *source, const float *grad_means, const gradient_t *to)
{
    size_t width = whole(source->channels), pixels = source->pixels;
    double *sums = calloc(1, 16 * width + 4 * width * (1 + 2 * pixels));
    float *row = (float *)(sums + 2 * width), *grad = row + width, *more = grad + pixels * width;

    if (!sums)
        return 0;
    for (size_t p = 0; p < source->pictures; p++) {
        float *raw = to->raw + p * pixels * width;

        with_room(row, grad_means + p * source->channels, source->channels);
        for (size_t i = 0; i < pixels; i++)
            for (size_t c = 0; c < width; c += LANES)
                put(grad + i * width + c, at(row + c) * (1.0f / pixels));
        gradient(source, source->raw + p * pixels * width, NULL, grad, more, sums, NULL);
        for (size_t i = 0; i < pixels * width; i += LANES)
            put(raw + i, at(raw + i) + at(more + i));
    }
    for (size_t i = 0; i < 2 * width; i++)
        to->statistics[i] += (float)sums[i];
    free(sums);
    return 1;
}

/* The floats of a vector. */
PUBLIC int lanes(void)
{
    return LANES;
}
