/* Matrix products of floats whose rows are whole vectors. */
#include "vectors.h"

#if defined(__AVX2__)
#define KEEP(x) __asm__("" : "+v"(x)) /* in a register: gcc reads it from memory once for each row */
#else
#define KEEP(x)
#endif

/* c[i][j] = Σ a(i, k) · b[k][j], for so many rows i and vectors j; a(i, k) is a[i · down + k · right]. With add it is
   added to c. */
static INLINE void few(const float *a, size_t down, size_t right, const float *b, size_t width_b, float *c,
                       size_t width_c, size_t depth, int rows, int vectors, int add)
{
    vector sum[12] = {{0}};

    for (size_t k = 0; k < depth; k++, a += right, b += width_b) {
        vector row[3];

#pragma GCC unroll 3
        for (int j = 0; j < vectors; j++) {
            row[j] = at(b + j * LANES);
            KEEP(row[j]);
        }
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            vector one = all(a[i * down]);

#pragma GCC unroll 3
            for (int j = 0; j < vectors; j++)
                sum[i * vectors + j] += one * row[j];
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 12
        for (int j = 0; j < vectors; j++) {
            float *to = c + i * width_c + j * LANES;

            if (add)
                sum[i * vectors + j] += at(to);
            put(to, sum[i * vectors + j]);
        }
}

/* Some columns of all rows. */
static INLINE void columns(const float *a, size_t down, size_t right, const float *b, size_t width_b, float *c,
                           size_t width_c, size_t rows, size_t depth, int most, int vectors, int add)
{
    size_t i = 0;

    for (; i + most <= rows; i += most)
        few(a + i * down, down, right, b, width_b, c + i * width_c, width_c, depth, most, vectors, add);
    for (; i < rows; i++)
        few(a + i * down, down, right, b, width_b, c + i * width_c, width_c, depth, 1, vectors, add);
}

/* c has `width` columns, a multiple of LANES. */
static INLINE void product(const float *a, size_t down, size_t right, const float *b, size_t width_b, float *c,
                           size_t width_c, size_t rows, size_t width, size_t depth, int add)
{
    size_t left = width / LANES;

    while (left) {
        size_t some = left == 1 || left == 2 ? left : left == 4 ? 2 : 3;

        switch (some) { /* twelve sums in registers each */
        case 1: columns(a, down, right, b, width_b, c, width_c, rows, depth, 12, 1, add); break;
        case 2: columns(a, down, right, b, width_b, c, width_c, rows, depth, 6, 2, add); break;
        default: columns(a, down, right, b, width_b, c, width_c, rows, depth, 4, 3, add);
        }
        left -= some;
        b += some * LANES;
        c += some * LANES;
    }
}
