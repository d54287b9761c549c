/* The values behind a chain's last stage, as others see them. */
#include "stage.h"

/* y, and shortcut, which is added unless it is NULL: pictures × pixels × channels. Returns 0 where there is no memory. */
PUBLIC int result(const source_t *source, const float *shortcut, float *y)
{
    size_t channels = source->channels, width = whole(channels), pixels = source->pixels;
    float *gate = malloc((1 + pixels) * width * sizeof *gate), *padded = gate + width;

    if (!gate)
        return 0;
    for (size_t p = 0; p < source->pictures; p++, y += pixels * channels) {
        if (source->gate)
            with_room(gate, source->gate + p * channels, channels);
        values(source, source->raw + p * pixels * width, source->gate ? gate : NULL, pixels,
               channels == width ? y : padded);
        for (size_t i = 0; channels < width && i < pixels; i++)
            memcpy(y + i * channels, padded + i * width, channels * sizeof *y);
        for (size_t i = 0; shortcut && i < pixels * channels; i++)
            y[i] += shortcut[p * pixels * channels + i];
    }
    free(gate);
    return 1;
}

/* grad: of y. Returns 0 where there is no memory. */
PUBLIC int result_backward(const source_t *source, const float *grad, const gradient_t *to)
{
    size_t channels = source->channels, width = whole(channels), pixels = source->pixels;
    double *sums = calloc(1, 16 * width + 4 * width * (2 + pixels));
    float *gate = (float *)(sums + 2 * width), *grad_gate = gate + width, *padded = grad_gate + width;

    if (!sums)
        return 0;
    for (size_t p = 0; p < source->pictures; p++, grad += pixels * channels) {
        if (source->gate)
            with_room(gate, source->gate + p * channels, channels);
        for (size_t i = 0; channels < width && i < pixels; i++)
            memcpy(padded + i * width, grad + i * channels, channels * sizeof *padded);
        gradient(source, source->raw + p * pixels * width, source->gate ? gate : NULL,
                 channels == width ? grad : padded, to->raw + p * pixels * width, sums, grad_gate);
        if (source->gate)
            memcpy(to->gate + p * channels, grad_gate, channels * sizeof *grad_gate);
    }
    for (size_t i = 0; i < 2 * width; i++)
        to->statistics[i] = (float)sums[i];
    free(sums);
    return 1;
}

/* The floats of a vector. */
PUBLIC int lanes(void)
{
    return LANES;
}
