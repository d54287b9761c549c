#if defined(__GNUC__) && defined(__arm__)
#pragma GCC diagnostic ignored "-Woverlength-strings" /* functions in assembly */
#endif

#if defined(__clang__)
#define INLINE inline __attribute__((always_inline, unused))
#define KERNEL static __attribute__((noinline, unused))
#define OPERATOR static __attribute__((noinline))
#elif defined(__GNUC__)
/* noipa: GCC 12 takes a function that writes where it also reads, at other distances, for one without effects, and
   leaves out the call. */
#define INLINE inline __attribute__((always_inline, unused))
#define KERNEL static __attribute__((noipa, unused))
#define OPERATOR static __attribute__((noipa))
#else
#define INLINE inline
#define KERNEL static
#define OPERATOR static
#endif

#ifdef MICROBOTNET_CHECK
#include <assert.h>
#define APART(a, m, b, n) ((uintptr_t)(a) + (m) <= (uintptr_t)(b) || (uintptr_t)(b) + (n) <= (uintptr_t)(a))
#endif

/* C99 leaves these to the compiler; here >> of a negative number must round towards minus infinity, and an unsigned
   number too large for int32_t must wrap around. */
typedef char shifts_are_arithmetic[(-3 >> 1) == -2 ? 1 : -1];
typedef char conversions_wrap[(int32_t)0xffffffffu == -1 ? 1 : -1];

/* Only the final result is proven to fit 32 bits; until then sums may wrap around. */
static INLINE int32_t as_signed(uint32_t sum)
{
    return (int32_t)sum;
}

/* The only place where the order of bytes matters. x is at an address that 4 divides, in the caller's arena. */
static INLINE uint32_t four_bytes(const int8_t *x)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return *(const uint32_t *)(const void *)x;
#else
    return (uint32_t)(uint8_t)x[0] | (uint32_t)(uint8_t)x[1] << 8 | (uint32_t)(uint8_t)x[2] << 16 |
           (uint32_t)(uint8_t)x[3] << 24;
#endif
}

