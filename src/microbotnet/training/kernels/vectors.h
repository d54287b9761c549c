/* Float32 tensors, channels last: pixels, each with all its channels. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(_WIN32)
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC
#endif
#define INLINE inline __attribute__((always_inline)) /* so that what is constant in a caller is constant within */

/* As wide as the processor's registers: of wider ones gcc takes comparisons apart, number by number. */
#if defined(__AVX512DQ__)
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

typedef double wide __attribute__((vector_size(8 * LANES), aligned(8), may_alias));

static INLINE void add(double *to, vector values)
{
    *(wide *)to += __builtin_convertvector(values, wide);
}

static INLINE vector all(float x)
{
    return x - (vector){0};
}

#if defined(__AVX512DQ__)
static INLINE vector where(mask m, vector then, vector otherwise)
{
    __mmask16 chosen = _mm512_movepi32_mask((__m512i)m);

    return (vector)_mm512_mask_blend_ps(chosen, (__m512)otherwise, (__m512)then);
}

static INLINE vector bounded(vector x, float low, float high)
{
    return (vector)_mm512_min_ps((__m512)all(high), _mm512_max_ps((__m512)all(low), (__m512)x));
}
#elif defined(__AVX2__)
static INLINE vector where(mask m, vector then, vector otherwise)
{
    return (vector)_mm256_blendv_ps((__m256)otherwise, (__m256)then, (__m256)m);
}

/* NaN stays NaN. */
static INLINE vector bounded(vector x, float low, float high)
{
    return (vector)_mm256_min_ps((__m256)all(high), _mm256_max_ps((__m256)all(low), (__m256)x));
}
#else
static INLINE vector where(mask m, vector then, vector otherwise)
{
    return (vector)((m & (mask)then) | (~m & (mask)otherwise));
}

static INLINE vector bounded(vector x, float low, float high)
{
    x = where(x < low, all(low), x);
    return where(x > high, all(high), x);
}
#endif

#define SHIFTER 12582912.0f /* 1.5 · 2²³: a float this large has no fraction, and ties went to the even neighbour */

/* The nearest integer, of values to ±2²². */
static INLINE vector nearest(vector x)
{
    return x + SHIFTER - SHIFTER;
}

enum { NONE, RELU, RELU6, HARDSWISH };

static INLINE vector activated(vector x, int activation)
{
    if (activation == RELU)
        return bounded(x, 0, __builtin_inff());
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
