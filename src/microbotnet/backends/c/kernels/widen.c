/* Constants that are stored in fewer bytes and widened into the arena when their operator runs. */

/* Multipliers and offsets of `count` channels, a channel's behind each other, lowest bit first; at most 25 bits each. */
typedef struct {
    const uint8_t *bytes;
    int32_t multiplier; /* of all channels, if factor_bits is 0 */
    int16_t count;
    uint8_t factor_bits, offset_bits;
    uint8_t zeros; /* of an offset's lowest bits, which are not stored */
} packed_t;

/* Bits that were read and not yet taken. */
typedef struct {
    const uint8_t *next;
    uint32_t bits;
    int held;
} bits_t;

/* The two's complement number in the next `count` bits, of which there is one at least. */
static INLINE uint32_t taken(bits_t *from, int count)
{
    uint32_t value;

    for (; from->held < count; from->held += 8)
        from->bits |= (uint32_t)*from->next++ << from->held;
    value = (uint32_t)(as_signed(from->bits << (32 - count)) >> (32 - count));
    from->bits >>= count;
    from->held -= count;
    return value;
}

/* step: from one number to the next of its kind. */
KERNEL void widen(const packed_t *packed, int32_t *multiplier, int32_t *offset, int step)
{
    bits_t from = {packed->bytes, 0, 0};

    for (int n = packed->count; n; n--, multiplier += step, offset += step) {
        *multiplier = packed->factor_bits ? as_signed(taken(&from, packed->factor_bits)) : packed->multiplier;
        *offset = packed->offset_bits ? as_signed(taken(&from, packed->offset_bits) << packed->zeros) : 0;
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

/* A lanes_t of which only this is stored; the offsets without what START adds. */
typedef struct {
    packed_t rounding;
    const int8_t *table;  /* if it is whole, */
    const uint8_t *steps; /* else these */
    int8_t first, least;
    uint8_t bits, shift;
} thin_t;

/* room: for two words a channel and for a table. */
KERNEL void widen_lanes(const thin_t *thin, int32_t *room, lanes_t *how)
{
    int32_t *end = room + 2 * thin->rounding.count;
    int8_t *table = (int8_t *)end;

    widen(&thin->rounding, room, room + 1, 2);
    how->rounding = room;
    for (; room != end; room += 2)
        room[1] = as_signed((uint32_t)room[1] - (uint32_t)room[0] * START);
    if (!thin->table)
        widen_table(thin->steps, table, thin->first, thin->least, thin->bits);
    how->table = thin->table ? thin->table : table;
    how->shift = thin->shift;
}

/* Ternary weights, five a byte, as bytes. */
KERNEL void widen_codes(const uint8_t *codes, int8_t *weights, int count)
{
    for (const int8_t *end = weights + count; weights < end; codes++) {
        uint32_t code = *codes;

        for (int n = 0; n < 5 && weights < end; n++) {
            uint32_t rest = code * 171 >> 9, digit = code - 3 * rest; /* a third, for a byte */

            *weights++ = (int8_t)(digit - 1u);
            code = rest;
        }
    }
}
