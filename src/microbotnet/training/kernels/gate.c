/* Every channel of every picture times a gate of its own, and the activation behind it. The last vector of a pixel may
   overlap the one before. */
#include "vectors.h"

static INLINE size_t place(size_t c, size_t channels)
{
    return c + LANES > channels ? channels - LANES : c;
}

static INLINE void gated(const float *x, const float *gate, float *y, size_t pictures, size_t pixels, size_t channels,
                         int activation)
{
    for (; pictures; pictures--, gate += channels)
        for (size_t pixel = 0; pixel < pixels; pixel++, x += channels, y += channels)
            for (size_t begin = 0; begin < channels; begin += LANES) {
                size_t c = place(begin, channels);

                put(y + c, activated(at(x + c) * at(gate + c), activation));
            }
}

PUBLIC void gate_forward(const float *x, const float *gate, float *y, size_t pictures, size_t pixels, size_t channels,
                         int activation)
{
    switch (activation) {
    case RELU: gated(x, gate, y, pictures, pixels, channels, RELU); break;
    case RELU6: gated(x, gate, y, pictures, pixels, channels, RELU6); break;
    case HARDSWISH: gated(x, gate, y, pictures, pixels, channels, HARDSWISH); break;
    default: gated(x, gate, y, pictures, pixels, channels, NONE);
    }
}

static INLINE void backward(const float *x, const float *gate, const float *grad, float *grad_x, float *grad_gate,
                            size_t pictures, size_t pixels, size_t channels, int activation)
{
    for (; pictures; pictures--, gate += channels, grad_gate += channels, x += pixels * channels,
                     grad += pixels * channels, grad_x += pixels * channels)
        for (size_t begin = 0; begin < channels; begin += LANES) {
            size_t c = place(begin, channels);
            vector factor = at(gate + c), sum = all(0);

            for (size_t i = c; i < pixels * channels; i += channels) {
                vector raw = at(x + i), value = before(raw * factor, at(grad + i), activation);

                put(grad_x + i, value * factor);
                sum += value * raw;
            }
            put(grad_gate + c, sum);
        }
}

PUBLIC void gate_backward(const float *x, const float *gate, const float *grad, float *grad_x, float *grad_gate,
                          size_t pictures, size_t pixels, size_t channels, int activation)
{
    switch (activation) {
    case RELU: backward(x, gate, grad, grad_x, grad_gate, pictures, pixels, channels, RELU); break;
    case RELU6: backward(x, gate, grad, grad_x, grad_gate, pictures, pixels, channels, RELU6); break;
    case HARDSWISH: backward(x, gate, grad, grad_x, grad_gate, pictures, pixels, channels, HARDSWISH); break;
    default: backward(x, gate, grad, grad_x, grad_gate, pictures, pixels, channels, NONE);
    }
}
