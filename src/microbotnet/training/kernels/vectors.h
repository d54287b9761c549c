/* Float32 tensors, channels last: pixels, each with all its channels. */
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC
#endif
#define INLINE inline __attribute__((always_inline)) /* so that what is constant in a caller is constant within */

/* As wide as the processor's registers: of wider ones gcc takes comparisons apart, number by number. */
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
typedef float vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t mask __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static INLINE vector at(const float *x)
{
    return *(const vector *)x;
}

static INLINE void put(float *x, vector values)
{
    *(vector *)x = values;
}

static INLINE vector all(float x)
{
    return x - (vector){0};
}

static INLINE vector where(mask m, vector then, vector otherwise)
{
    return (vector)((m & (mask)then) | (~m & (mask)otherwise));
}

/* NaN stays NaN. */
static INLINE vector bounded(vector x, float low, float high)
{
    x = where(x < low, all(low), x);
    return where(x > high, all(high), x);
}

enum { NONE, RELU, RELU6, HARDSWISH };

static INLINE vector activated(vector x, int activation)
{
    if (activation == RELU)
        return where(x < 0, all(0), x);
    if (activation == RELU6)
        return bounded(x, 0, 6);
    if (activation == HARDSWISH)
        return x * bounded(x + 3, 0, 6) * (1.0f / 6);
    return x;
}

/* The gradient before the activation, from x before it and the gradient behind it. */
static INLINE vector before(vector x, vector grad, int activation)
{
    if (activation == RELU)
        return where(x <= 0, all(0), grad);
    if (activation == RELU6)
        return where((x <= 0) | (x >= 6), all(0), grad);
    if (activation == HARDSWISH)
        return where(x < -3, all(0), where(x <= 3, grad * (x * (1.0f / 3) + 0.5f), grad));
    return grad;
}
