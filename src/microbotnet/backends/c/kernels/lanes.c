/* Two sums in the 16-bit lanes of one word: every + and - serves two outputs. That no sum leaves its lane was proven
   from the weights when this file was written. A lane starts at START, so that it never goes below 0, and a word at
   LANES.

   A row of ternary weights is two lists, of +1 and of -1: the bytes in each, then the bytes. A byte is two distances,
   upper four bits first: from one entry that counts to the next. Entry 0 is zero, for lists of odd length. A depthwise
   kernel's lists are places of taps in a tile. */
#define START 0x8000u
#define LANES 0x80008000u

/* As requantize_t without a pre-shift. Offsets take START back, and are 128 outputs larger, so that an index needs no 128
   added. */
typedef struct {
    const int32_t *rounding; /* a multiplier and an offset a row */
    const int8_t *table;
    uint8_t shift;
} lanes_t;

/* Rows of lists over one tile. */
typedef struct {
    const int32_t *rounding; /* of the next row */
    int32_t shift;
    const int8_t *table;
    int32_t stride; /* from a row's outputs to the next row's */
    int32_t count;
    uint32_t sign, bytes, outside, below; /* for maps of 2x2: masks; a padded value in the lower, in the upper lane */
    const int8_t *x;
} rows_t;

/* What requantizes the lanes of a channel. */
typedef struct {
    int32_t multiplier, shift;
    const int8_t *table;
    int32_t distance; /* from a lower lane's output to the upper's */
    int32_t offset;
} channel_t;

/* Rows of a tile that are filled alike. */
typedef struct {
    const uint8_t *places; /* of the map's columns, in bytes */
    int32_t width;
    uint32_t less;
    int32_t row; /* bytes of the tile's row */
    int32_t rows;
    int32_t lower, upper; /* from a row of the map to the next; 0 for one outside the map */
} fill_t;

/* A weight of a depthwise kernel, and where in a tile what it multiplies lies, in bytes behind the output's place. */
typedef struct {
    int32_t weight, place;
} tap_t;

/* Maps that become words of lanes. */
typedef struct {
    int32_t pixels, size; /* bytes of a map, of all */
    int32_t words;        /* 2 or 4 of each map */
    uint32_t less;
} unpack_t;

/* Windows of 3 columns. */
typedef struct {
    int32_t width, depth, tall;
    int32_t between; /* from behind a window to the next channel's */
} patch_t;

/* y = table[clamp((x * factor + offset) >> shift, 0, 255)] */
typedef struct {
    int32_t factor;
    uint32_t offset;
    int32_t shift;
    const int8_t *table;
} scale_t;

/* y = table[128 + clamp((((x * multiplier) >> pre_shift) + offset) >> shift, -128, 127)] */
typedef struct {
    int32_t multiplier;
    uint32_t low; /* the pre-shift's bits */
    int32_t pre_shift;
    uint32_t offset;
    int32_t shift;
    const int8_t *table;
    int32_t zero, gate; /* x is first made (x - zero) * gate */
} shift_t;

/* The outputs of a pixel, from sums. */
typedef struct {
    int32_t added; /* to each sum */
    int32_t pre_shift;
    uint32_t low;
    int32_t shift;
    const int8_t *table;
    int32_t step;   /* from an output's multiplier and offset to the next's: 4, or 0 */
    int32_t stride; /* from an output to the next */
    const int32_t *multiplier, *offset;
    int8_t *y;
    int32_t count;
} outputs_t;

static INLINE uint32_t limited(int32_t index)
{
    if ((uint32_t)index > 255)
        index = index < 0 ? 0 : 255;
    return (uint32_t)index;
}

/* An output from a sum, a multiplier and an offset that is 128 outputs larger. */
static INLINE int8_t rounded(uint32_t sum, const int32_t *rounding, const int8_t *table, int pre_shift, int shift)
{
    uint32_t factor = (uint32_t)rounding[0], low = (1u << pre_shift) - 1;
    uint32_t scaled = (uint32_t)(as_signed(sum) >> pre_shift) * factor + (uint32_t)rounding[1];

    scaled += (uint32_t)(as_signed((sum & low) * factor) >> pre_shift);
    return table[limited(as_signed(scaled) >> shift)];
}
