/* Two sums in the 16-bit lanes of one word: every + and - serves two outputs. That no sum leaves its lane was proven
   from the weights when this file was written. Lanes start at START, so that the lower never borrows from the upper. */
#define START 0x8000u

/* What requantizes lanes: y = table[128 + clamp((multiplier * lane + offset) >> shift, -128, 127)]. */
typedef struct {
    int32_t multiplier;
    uint32_t lower, upper; /* offsets; that of the lower lane takes START back */
    int32_t shift;
    const int8_t *table;
    int32_t distance; /* from a lower lane's output to the upper's */
} finish_t;

/* A row of ternary weights is two lists, of +1 and of -1: the bytes in each, then the bytes. A byte is two distances,
   upper four bits first: how many entries of the tile to pass over before the next that counts. The tile's first entry
   is zero, for lists of odd length. A depthwise kernel's lists are the taps' places in the tile. */

#if defined(__thumb__) && !defined(__thumb2__)
/* Armv6-M: compilers run out of its eight registers here and spill in the innermost loops. */
const uint8_t *NAME_gather4(const uint8_t *list, const uint32_t *tile, uint32_t *sums);
const uint8_t *NAME_gather2(const uint8_t *list, const uint32_t *tile, uint32_t *sums);
const uint8_t *NAME_taps4(const uint8_t *list, const uint32_t *tile, uint32_t *sums);
const uint8_t *NAME_taps2(const uint8_t *list, const uint32_t *tile, uint32_t *sums);
void NAME_finish_quads(const uint32_t *sums, int8_t *y, const finish_t *how, int words);
void NAME_finish_rows(const uint32_t *sums, int8_t *y, const finish_t *how, int words);

#define FUNCTION(name, body)                                                                                           \
    __asm__(".pushsection .text." name ",\"ax\",%progbits\n .syntax unified\n .thumb\n .p2align 2\n"                   \
            " .type " name ",%function\n .thumb_func\n" name ":\n" body " .size " name ", . - " name "\n .popsection\n")

/* list r0, tile r1, kept in ip; sums on the stack; end of the list lr; the sums are r4 to r7. */
#define ENTER                                                                                                          \
    " push {r2, r4-r7, lr}\n mov ip, r1\n ldrb r2, [r0]\n ldrb r3, [r0, #1]\n adds r0, #2\n adds r2, r2, r0\n"         \
    " mov lr, r2\n push {r3}\n movs r4, #128\n lsls r4, r4, #8\n mov r5, r4\n"
#define ENTER4 ENTER " mov r6, r4\n mov r7, r4\n"
#define SECOND " pop {r3}\n add r3, lr\n mov lr, r3\n mov r1, ip\n"
#define LEAVE4 " pop {r2}\n stmia r2!, {r4-r7}\n pop {r4-r7, pc}\n"
#define LEAVE2 " pop {r2}\n stmia r2!, {r4-r5}\n pop {r4-r7, pc}\n"
#define TWO(op) " ldmia r1!, {r2, r3}\n " op " r4, r4, r2\n " op " r5, r5, r3\n"
#define FOUR(op) TWO(op) " ldmia r1!, {r2, r3}\n " op " r6, r6, r2\n " op " r7, r7, r3\n"
#define EACH(body) " cmp r0, lr\n beq 2f\n1: " body " cmp r0, lr\n bne 1b\n2:\n"
#define LIST4(op)                                                                                                      \
    EACH("ldrb r2, [r0]\n lsrs r2, r2, #4\n lsls r2, r2, #4\n adds r1, r1, r2\n" FOUR(op)                              \
         " ldrb r2, [r0]\n adds r0, #1\n lsls r2, r2, #28\n lsrs r2, r2, #24\n adds r1, r1, r2\n" FOUR(op))
#define LIST2(op)                                                                                                      \
    EACH("ldrb r6, [r0]\n adds r0, #1\n lsrs r2, r6, #4\n lsls r2, r2, #3\n adds r1, r1, r2\n" TWO(op)                 \
         " lsls r6, r6, #28\n lsrs r6, r6, #25\n adds r1, r1, r6\n" TWO(op))
#define TAPS(sum) EACH("ldrb r1, [r0]\n adds r0, #1\n lsls r1, r1, #2\n add r1, ip\n" sum)

FUNCTION("NAME_gather4", ENTER4 LIST4("adds") SECOND LIST4("subs") LEAVE4);
FUNCTION("NAME_gather2", ENTER LIST2("adds") SECOND LIST2("subs") LEAVE2);
FUNCTION("NAME_taps4", ENTER4 TAPS(FOUR("adds")) SECOND TAPS(FOUR("subs")) LEAVE4);
FUNCTION("NAME_taps2", ENTER TAPS(TWO("adds")) SECOND TAPS(TWO("subs")) LEAVE2);

/* sums r0, end lr; y r1; multiplier r3, shift r4, table r5, lower offset ip; word r6. */
#define LOWER " ldmia r0!, {r6}\n uxth r7, r6\n muls r7, r3, r7\n add r7, ip\n" INDEX
#define INDEX                                                                                                          \
    " asrs r7, r7, r4\n adds r7, #128\n cmp r7, #255\n bls 1f\n asrs r7, r7, #31\n mvns r7, r7\n uxtb r7, r7\n"         \
    "1: ldrb r7, [r5, r7]\n"
#define CONSTANTS " lsls r3, r3, #2\n add r3, r0\n mov lr, r3\n ldmia r2!, {r3-r7}\n mov ip, r4\n"

FUNCTION("NAME_finish_quads",
         " push {r4-r7, lr}\n" CONSTANTS " mov r2, r5\n mov r4, r6\n mov r5, r7\n3:\n" /* upper offset r2 */
         LOWER " strb r7, [r1]\n asrs r7, r6, #16\n muls r7, r3, r7\n adds r7, r7, r2\n" INDEX " strb r7, [r1, #2]\n"
         LOWER " strb r7, [r1, #1]\n asrs r7, r6, #16\n muls r7, r3, r7\n adds r7, r7, r2\n" INDEX
         " strb r7, [r1, #3]\n adds r1, #4\n cmp r0, lr\n bne 3b\n pop {r4-r7, pc}\n");
FUNCTION("NAME_finish_rows",
         " push {r4-r7, lr}\n mov r4, r8\n push {r4}\n" CONSTANTS " mov r8, r5\n ldr r2, [r2]\n mov r4, r6\n mov r5, r7\n"
         "3:\n" LOWER " strb r7, [r1]\n asrs r7, r6, #16\n muls r7, r3, r7\n add r7, r8\n" INDEX
         " strb r7, [r1, r2]\n adds r1, #1\n cmp r0, lr\n bne 3b\n pop {r4}\n mov r8, r4\n pop {r4-r7, pc}\n");
#else
KERNEL const uint8_t *NAME_gather(const uint8_t *list, const uint32_t *tile, uint32_t *sums, int words)
{
    int plus = *list++, minus = *list++;
    const uint32_t *entry = tile;

    for (int i = 0; i < words; i++)
        sums[i] = START;
    for (int n = 0; n < 2 * (plus + minus); n++) {
        if (n == 2 * plus)
            entry = tile;
        entry += words * (n & 1 ? *list & 15 : *list >> 4);
        list += n & 1;
        for (int i = 0; i < words; i++, entry++)
            sums[i] += n < 2 * plus ? *entry : 0u - *entry;
    }
    return list;
}

KERNEL const uint8_t *NAME_taps(const uint8_t *list, const uint32_t *tile, uint32_t *sums, int words)
{
    int plus = *list++, minus = *list++;

    for (int i = 0; i < words; i++)
        sums[i] = START;
    for (int n = 0; n < plus + minus; n++, list++)
        for (int i = 0; i < words; i++)
            sums[i] += n < plus ? tile[*list + i] : 0u - tile[*list + i];
    return list;
}
#define NAME_gather4(list, tile, sums) NAME_gather(list, tile, sums, 4)
#define NAME_gather2(list, tile, sums) NAME_gather(list, tile, sums, 2)
#define NAME_taps4(list, tile, sums) NAME_taps(list, tile, sums, 4)
#define NAME_taps2(list, tile, sums) NAME_taps(list, tile, sums, 2)

KERNEL void NAME_finish(uint32_t word, int8_t *y, const finish_t *how, int distance)
{
    uint32_t multiplier = (uint32_t)how->multiplier;
    uint32_t upper = (uint32_t)as_signed(word) >> 16;

    upper = (upper ^ 0x8000u) - 0x8000u;
    y[0] = how->table[saturated(as_signed(multiplier * (word & 0xffffu) + how->lower) >> how->shift)];
    y[distance] = how->table[saturated(as_signed(multiplier * upper + how->upper) >> how->shift)];
}

/* Words of outputs 0 and 2, 1 and 3, 4 and 6, ... */
KERNEL void NAME_finish_quads(const uint32_t *sums, int8_t *y, const finish_t *how, int words)
{
    for (int i = 0; i < words; i++)
        NAME_finish(sums[i], y + 4 * (i / 2) + i % 2, how, 2);
}

KERNEL void NAME_finish_rows(const uint32_t *sums, int8_t *y, const finish_t *how, int words)
{
    for (int i = 0; i < words; i++)
        NAME_finish(sums[i], y + i, how, how->distance);
}
#endif
