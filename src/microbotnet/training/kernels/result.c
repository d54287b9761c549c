/* The values behind a chain's last stage, as others see them. */
#include "stage.h"

/* Of a picture, without the shortcut. padded: room for it. */
static void shown(const source_t *source, size_t picture, float *padded, float *y)
{
    size_t channels = source->channels, pixels = source->pixels;

    values(source, source->raw + picture * pixels * pixel_of(source), gate_of(source, picture), pixels, padded);
    dense(y, padded, NULL, pixels, channels);
}

static float rounded_one(float x, const rounding_t *to)
{
    x = x < to->low ? to->low : x > to->high ? to->high : x;
    return (x * to->inverse + SHIFTER - SHIFTER) * to->step;
}

int result(const source_t *source, const float *shortcut, rounding_t *sum, look_t *look, float *y)
{
    size_t size = source->pixels * source->channels, whole_size = source->pictures * size;
    float *padded = malloc(source->pixels * whole(source->channels) * sizeof *padded), ends[2];
    int looks = look && sum->point;

    if (!padded)
        return 0;
    for (size_t p = 0; p < source->pictures; p++) {
        float *here = y + p * size;

        shown(source, p, padded, here);
        if (shortcut)
            for (size_t i = 0; i < size; i++)
                here[i] += shortcut[p * size + i];
        if (sum->step && !looks)
            for (size_t i = 0; i < size; i++)
                here[i] = rounded_one(here[i], sum);
    }
    free(padded);
    if (looks) {
        ends[0] = ends[1] = y[0];
        widen(ends, y, whole_size);
        look(sum->point, ends[0], ends[1], sum);
        for (size_t i = 0; i < whole_size; i++)
            y[i] = rounded_one(y[i], sum);
    }
    return 1;
}

int result_backward(const source_t *source, const float *shortcut, const rounding_t *sum, float *grad,
                    const gradient_t *to)
{
    size_t channels = source->channels, width = whole(channels), pixels = source->pixels, size = pixels * channels;
    double *sums = calloc(1, 16 * width + 4 * width * 2 * pixels);
    float *padded = (float *)(sums + 2 * width), *before_sum = padded + pixels * width;

    if (!sums)
        return 0;
    for (size_t p = 0; p < source->pictures; p++, grad += size) {
        if (sum->step) {
            shown(source, p, padded, before_sum);
            for (size_t i = 0; i < size; i++) {
                float x = before_sum[i] + (shortcut ? shortcut[p * size + i] : 0);

                grad[i] = x <= sum->low || x >= sum->high ? 0 : grad[i];
            }
        }
        with_room(padded, grad, pixels, channels);
        hand_back(source, p, padded, to, sums, NULL);
    }
    hand_back_sums(source, sums, to);
    free(sums);
    return 1;
}

int meet(const source_t *source, rounding_t *to, look_t *look)
{
    size_t width = whole(source->channels), pixels = source->pixels, size = pixels * source->channels;
    float ends[2] = {__builtin_inff(), -__builtin_inff()}, *padded, *y;

    if (!look || !to->point)
        return 1;
    padded = malloc(2 * pixels * width * sizeof *padded);
    y = padded + pixels * width;
    if (!padded)
        return 0;
    for (size_t p = 0; p < source->pictures; p++) {
        shown(source, p, padded, y);
        widen(ends, y, size);
    }
    free(padded);
    look(to->point, ends[0], ends[1], to);
    return 1;
}

void widen(float *ends, const float *x, size_t size)
{
    vector low = all(ends[0]), high = all(ends[1]);
    size_t i = 0;

    for (; i + LANES <= size; i += LANES) {
        vector here = at(x + i);

        low = where(here < low, here, low);
        high = where(here > high, here, high);
    }
    for (int l = 0; l < LANES; l++) {
        ends[0] = low[l] < ends[0] ? low[l] : ends[0];
        ends[1] = high[l] > ends[1] ? high[l] : ends[1];
    }
    for (; i < size; i++) {
        ends[0] = x[i] < ends[0] ? x[i] : ends[0];
        ends[1] = x[i] > ends[1] ? x[i] : ends[1];
    }
}
