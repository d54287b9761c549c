/* Constants that are stored in fewer bytes and widened into the arena when their operator runs. */

/* Multipliers and offsets of `count` channels, a channel's behind each other, lowest byte first. */
typedef struct {
    const uint8_t *bytes;
    int32_t multiplier; /* of all channels, if factor_bytes is 0 */
    int16_t count;
    uint8_t factor_bytes, offset_bytes;
    uint8_t zeros; /* of an offset's lowest bits, which are not stored */
} packed_t;

/* The two's complement number in the `count` bytes before `end`. */
static INLINE uint32_t number(const uint8_t *end, int count)
{
    uint32_t value = 0;
    int shift = 32 - 8 * count;

    for (; count; count--)
        value = value << 8 | *--end;
    return (uint32_t)(as_signed(value << shift) >> shift);
}

KERNEL void widen(const packed_t *packed, int32_t *multiplier, int32_t *offset)
{
    const uint8_t *at = packed->bytes;

    for (int n = 0; n < packed->count; n++) {
        at += packed->factor_bytes;
        *multiplier++ = packed->factor_bytes ? as_signed(number(at, packed->factor_bytes)) : packed->multiplier;
        at += packed->offset_bytes;
        *offset++ = packed->offset_bytes ? as_signed(number(at, packed->offset_bytes) << packed->zeros) : 0;
    }
}

/* A table from the steps between its entries: each `bits` of a byte, lowest first, more than the least step. */
KERNEL void widen_table(const uint8_t *steps, int8_t *table, int first, int least, int bits)
{
    int value = first, mask = (1 << bits) - 1;

    for (const int8_t *end = table + 256; table != end; steps++)
        for (int byte = *steps, n = 0; n < 8; n += bits, byte >>= bits) {
            *table++ = (int8_t)value;
            value += least + (byte & mask);
        }
}

/* Ternary weights, five a byte, as bytes. */
KERNEL void widen_codes(const uint8_t *codes, int8_t *weights, int count)
{
    for (const int8_t *end = weights + count; weights < end; codes++) {
        uint32_t code = *codes;

        for (int n = 0; n < 5 && weights < end; n++) {
            uint32_t rest = code * 171 >> 9, digit = code - 3 * rest; /* a third, for a byte */

            *weights++ = (int8_t)(digit - (digit >> 1) * 3);
            code = rest;
        }
    }
}
