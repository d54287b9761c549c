/* The innermost loops, twice: for Armv6-M, where compilers run out of its eight registers and spill, and below in C.
   Larger cores of the same family run them as they are. */
#if defined(__thumb__)
/* Add up `count` rows of lists over a tile whose entries are 4 or 2 words; write 8 or 4 outputs of each. */
const uint8_t *NAME_rows4(const uint8_t *list, const uint32_t *tile, int8_t *y, rows_t *rows);
const uint8_t *NAME_rows2(const uint8_t *list, const uint32_t *tile, int8_t *y, rows_t *rows);
const uint8_t *NAME_bytes4(const uint8_t *list, const uint32_t *tile, int8_t *y, rows_t *rows);
const uint8_t *NAME_bytes2(const uint8_t *list, const uint32_t *tile, int8_t *y, rows_t *rows);
/* The same for depthwise kernels of 3x3 over maps of 2x2, rows->x; the tile has 3 rows of 4 words. */
const uint8_t *NAME_maps2(const uint8_t *list, uint32_t *tile, int8_t *y, rows_t *rows);
/* The same for one depthwise kernel: 4 or 2 neighbouring words, y[i] from the lower lanes, y[i + distance] the upper. */
const uint8_t *NAME_taps4(const uint8_t *list, const uint32_t *tile, int8_t *y, const channel_t *channel);
const uint8_t *NAME_taps2(const uint8_t *list, const uint32_t *tile, int8_t *y, const channel_t *channel);
/* In each row of the tile, byte places[j] becomes the word lower[j] + (upper[j] << 16) - less. */
void NAME_fill(uint32_t *row, const int8_t *lower, const int8_t *upper, const fill_t *fill);
/* The same for single values: the word x[j] - less. */
void NAME_spread(uint32_t *row, const int8_t *x, const fill_t *fill);
/* Four or eight values of each map become two or four words: values 0 and 2, 1 and 3, ... , less `less`. */
void NAME_unpack(const int8_t *x, uint32_t *tile, const unpack_t *unpack);
/* sums[row] = its list over single bytes + correction * (bytes of +1 - bytes of -1). */
const uint8_t *NAME_listed(const uint8_t *list, const int8_t *entries, int32_t *sums, int count, int correction);
/* The same, added to the sums, for lists of pairs: a byte with half their number, then the places of a +1 and of a -1 in turn. */
const uint8_t *NAME_paired(const uint8_t *list, const int8_t *entries, int32_t *sums, int count);
/* All outputs of one pixel from `values` ... `end`, a multiple of four of them, and weights of 8 bits that have 128 added,
   those of four outputs interleaved. */
void NAME_pixel(const uint8_t *weights, const int32_t *values, const int32_t *end, outputs_t *outputs);
/* The sums of four outputs, added to `sums`; what is behind their weights. */
const uint8_t *NAME_dots(const uint8_t *weights, const int32_t *values, const int32_t *end, int32_t *sums);
/* values[c] = x[c * stride]; the sum of them. */
int32_t NAME_column(const int8_t *x, int32_t *values, int count, int stride);
/* values = the windows, 3 wide, of all channels; the sum of them. */
int32_t NAME_patch3(const int8_t *x, int32_t *values, const patch_t *patch);
/* sums[c] = the sum of each map of `words` times four values. */
void NAME_maps(const int8_t *x, int32_t *sums, int channels, int words);
/* y[i] from x[i], from sums[i]. */
void NAME_scale(const int8_t *x, int8_t *y, int count, const scale_t *scale);
void NAME_scale_sums(const int32_t *sums, int8_t *y, int count, const scale_t *scale);
/* The same where the product loses its lowest bits before the offset is added. */
void NAME_shift_sums(const int32_t *sums, int8_t *y, int count, const shift_t *shift);
void NAME_shift_gate(const int8_t *x, int8_t *y, int count, const shift_t *shift);
/* The sums of a row of outputs, four at a time: those of weights and the words from each one's place on, in bytes behind
   the output's. */
void NAME_windows(const tap_t *taps, const tap_t *behind, const uint32_t *row, int32_t *sums, int32_t *end);

#define FUNCTION(name, body)                                                                                           \
    __asm__(".pushsection .text." name ",\"ax\",%progbits\n .syntax unified\n .thumb\n .p2align 2\n"                   \
            " .type " name ",%function\n .thumb_func\n" name ":\n" body " .size " name ", . - " name "\n .popsection\n")

#define SAVE " push {r4-r7, lr}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n push {r4-r7}\n"
#define RESTORE " pop {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n pop {r4-r7, pc}\n"

#define START_LANES " .p2align 2\n9: .word 0x80008000\n"
/* list r0, its end lr, the second list's length on the stack; tile ip and r1; sums r4 ... r7 */
#define FIRST " ldrb r2, [r0]\n ldrb r3, [r0, #1]\n adds r0, #2\n adds r2, r2, r0\n mov lr, r2\n push {r3}\n"
#define SECOND " pop {r3}\n add r3, lr\n mov lr, r3\n"
#define START2 " ldr r4, 9f\n mov r5, r4\n"
#define START4 START2 " mov r6, r4\n mov r7, r4\n"
#define TWO(op) " ldmia r1!, {r2, r3}\n " op " r4, r4, r2\n " op " r5, r5, r3\n"
#define FOUR(op) TWO(op) " ldmia r1!, {r2, r3}\n " op " r6, r6, r2\n " op " r7, r7, r3\n"
#define EACH(body) " cmp r0, lr\n beq 2f\n1: " body " cmp r0, lr\n bne 1b\n2:\n"
/* For speed, a byte is one distance, in bytes of the tile; their number is even. */
#define BYTE(at) " ldrb r2, [r0, #" at "]\n adds r1, r1, r2\n"
#define BYTES4(op) EACH(BYTE("0") FOUR(op) BYTE("1") FOUR(op) " adds r0, #2\n")
#define BYTES2(op) EACH(BYTE("0") TWO(op) BYTE("1") TWO(op) " adds r0, #2\n")
#define LIST4(op)                                                                                                      \
    EACH("ldrb r2, [r0]\n lsrs r2, r2, #4\n lsls r2, r2, #4\n adds r1, r1, r2\n" FOUR(op)                              \
         " ldrb r2, [r0]\n adds r0, #1\n lsls r2, r2, #28\n lsrs r2, r2, #24\n adds r1, r1, r2\n" FOUR(op))
#define LIST2(op)                                                                                                      \
    EACH("ldrb r6, [r0]\n adds r0, #1\n lsrs r2, r6, #4\n lsls r2, r2, #3\n adds r1, r1, r2\n" TWO(op)                 \
         " lsls r6, r6, #28\n lsrs r6, r6, #25\n adds r1, r1, r6\n" TWO(op))
#define TAPS(sum) EACH("ldrb r1, [r0]\n adds r0, #1\n lsls r1, r1, #2\n add r1, ip\n" sum)

/* value = table[clamp(value >> shift, 0, 255)] */
#define INDEX(value, shift, table)                                                                                     \
    " asrs " value ", " value ", " shift "\n cmp " value ", #255\n bls 1f\n"                                           \
    " asrs " value ", " value ", #31\n mvns " value ", " value "\n uxtb " value ", " value "\n"                        \
    "1: ldrb " value ", [" table ", " value "]\n"

/* rows r9, y r8, rows left r10; r11 has what lies at `kept` in the rows. Then list lr, multiplier r0, offset r4,
   shift r6, table r7; the sums on the stack. */
#define LANE(half, y)                                                                                                  \
    half "muls r3, r0, r3\n adds r3, r3, r4\n" INDEX("r3", "r6", "r7") " strb r3, [r1, #" y "]\n"
#define ROW(lower, upper) LANE(" pop {r5}\n uxth r3, r5\n ", lower) LANE(" lsrs r3, r5, #16\n ", upper)
#define LISTS(start, list) FIRST start " mov r1, ip\n" list("adds") SECOND " mov r1, ip\n" list("subs")
#define ROWS(kept, first, add, sums, finish, advance)                                                                  \
    SAVE " mov ip, r1\n mov r8, r2\n mov r9, r3\n ldr r1, [r3, #16]\n mov r10, r1\n ldr r1, [r3, #" kept "]\n"         \
    " mov r11, r1\n5:\n" first add                                                                                     \
    " mov lr, r0\n push " sums "\n mov r1, r9\n ldmia r1!, {r3, r6, r7}\n ldmia r3!, {r0, r4}\n mov r1, r9\n"          \
    " str r3, [r1]\n mov r1, r8\n" finish " mov r0, lr\n" advance                                                      \
    " mov r1, r10\n subs r1, #1\n mov r10, r1\n beq 6f\n b 5b\n6:\n" RESTORE START_LANES

#define ROWS4(add)                                                                                                     \
    ROWS("12", "", add, "{r4-r7}", ROW("0", "2") ROW("1", "3") ROW("4", "6") ROW("5", "7"), " add r8, r11\n")
#define ROWS2(add) ROWS("12", "", add, "{r4-r5}", ROW("0", "2") ROW("1", "3"), " add r8, r11\n")

FUNCTION("NAME_rows4", ROWS4(LISTS(START4, LIST4)));
FUNCTION("NAME_rows2", ROWS2(LISTS(START2, LIST2)));
FUNCTION("NAME_bytes4", ROWS4(LISTS(START4, BYTES4)));
FUNCTION("NAME_bytes2", ROWS2(LISTS(START2, BYTES2)));

/* Four bytes of a map become the middle words of the tile's rows: outside and row 0, 0 and 1, 1 and outside. */
#define MAP                                                                                                            \
    " mov r1, r11\n ldmia r1!, {r2}\n mov r11, r1\n mov r1, r9\n adds r1, #20\n ldmia r1!, {r4-r7}\n eors r2, r4\n"    \
    " lsrs r3, r2, #8\n ands r3, r5\n ands r2, r5\n mov r1, ip\n adds r1, #4\n lsls r4, r2, #16\n adds r4, r4, r6\n"   \
    " lsls r5, r3, #16\n adds r5, r5, r6\n stmia r1!, {r4, r5}\n adds r1, #8\n stmia r1!, {r2, r3}\n adds r1, #8\n"    \
    " lsrs r2, r2, #16\n adds r2, r2, r7\n lsrs r3, r3, #16\n adds r3, r3, r7\n stmia r1!, {r2, r3}\n"
#define TAPS2(op) TAPS(TWO(op))
FUNCTION("NAME_maps2", ROWS("36", MAP, LISTS(START2, TAPS2), "{r4-r5}", ROW("0", "2") ROW("1", "3"),
                            " movs r1, #4\n add r8, r1\n"));

/* y r1, distance r2; multiplier r3, offset ip, shift r4, table r5 */
#define TAP                                                                                                            \
    " pop {r6}\n uxth r7, r6\n muls r7, r3, r7\n add r7, ip\n" INDEX("r7", "r4", "r5") " strb r7, [r1]\n"              \
    " lsrs r7, r6, #16\n muls r7, r3, r7\n add r7, ip\n" INDEX("r7", "r4", "r5") " strb r7, [r1, r2]\n adds r1, #1\n"
#define TAPPED(start, sum, sums, finish)                                                                               \
    " push {r4-r7, lr}\n push {r2, r3}\n mov ip, r1\n" FIRST start TAPS(sum("adds")) SECOND                            \
    TAPS(sum("subs")) " pop {r1, r2}\n push " sums "\n ldmia r2!, {r3-r7}\n mov r2, r6\n mov ip, r7\n"                 \
    finish " pop {r4-r7, pc}\n" START_LANES

FUNCTION("NAME_taps4", TAPPED(START4, FOUR, "{r4-r7}", TAP TAP TAP TAP));
FUNCTION("NAME_taps2", TAPPED(START2, TWO, "{r4-r5}", TAP TAP));

/* fill r9; of each row of the tile: row r0, places r1, lower r2, upper r3, column r4, less r7 */
FUNCTION("NAME_fill", SAVE " mov r9, r3\n mov r8, r1\n mov ip, r2\n ldr r4, [r3, #16]\n mov r10, r4\n"
                      "5: mov r2, r8\n mov r3, ip\n mov r7, r9\n ldmia r7!, {r1, r4}\n ldr r7, [r7]\n subs r4, #1\n"
                      "1: ldrsb r5, [r2, r4]\n ldrsb r6, [r3, r4]\n lsls r6, r6, #16\n adds r5, r5, r6\n"
                      " subs r5, r5, r7\n ldrb r6, [r1, r4]\n str r5, [r0, r6]\n subs r4, #1\n bpl 1b\n"
                      " mov r4, r9\n adds r4, #12\n ldmia r4!, {r1, r2, r3, r5}\n adds r0, r0, r1\n add r8, r3\n"
                      " add ip, r5\n mov r4, r10\n subs r4, #1\n mov r10, r4\n bne 5b\n" RESTORE);

/* row r0, x r1, places r3, column r4, less r5, rows left r7; width lr, bytes of the tile's row ip */
FUNCTION("NAME_spread", " push {r4-r7, lr}\n ldmia r2!, {r3-r7}\n mov lr, r4\n mov ip, r6\n"
                        "5: mov r4, lr\n subs r4, #1\n"
                        "1: ldrsb r2, [r1, r4]\n subs r2, r2, r5\n ldrb r6, [r3, r4]\n str r2, [r0, r6]\n"
                        " subs r4, #1\n bpl 1b\n add r0, ip\n add r1, lr\n subs r7, #1\n bne 5b\n"
                        " pop {r4-r7, pc}\n");

/* x r0, its end lr, from one map to the next ip; tile r1, sign r4, mask r5, less r6 */
#define UNPACK(at)                                                                                                     \
    " ldr r3, [r0, #" at "]\n eors r3, r4\n lsrs r7, r3, #8\n ands r3, r5\n ands r7, r5\n subs r3, r3, r6\n"           \
    " subs r7, r7, r6\n stmia r1!, {r3, r7}\n"
FUNCTION("NAME_unpack", " push {r4-r7, lr}\n ldmia r2!, {r3-r6}\n mov ip, r3\n adds r4, r4, r0\n mov lr, r4\n"
                        " cmp r5, #2\n ldr r4, 8f\n ldr r5, 9f\n beq 2f\n"
                        "1:" UNPACK("0") UNPACK("4") " add r0, ip\n cmp r0, lr\n bne 1b\n pop {r4-r7, pc}\n"
                        "2:" UNPACK("0") " add r0, ip\n cmp r0, lr\n bne 2b\n pop {r4-r7, pc}\n .p2align 2\n"
                        "8: .word 0x80808080\n9: .word 0x00ff00ff\n");

/* sums ip, rows left r8, correction r9; sum r4, entry r5, mask r7 */
#define LISTED(op)                                                                                                     \
    EACH("ldrb r2, [r0]\n adds r0, #1\n lsrs r3, r2, #4\n adds r5, r5, r3\n ldrsb r6, [r1, r5]\n " op " r4, r4, r6\n"  \
         " ands r2, r7\n adds r5, r5, r2\n ldrsb r6, [r1, r5]\n " op " r4, r4, r6\n")
FUNCTION("NAME_listed", SAVE " ldr r4, [sp, #36]\n mov r9, r4\n mov ip, r2\n mov r8, r3\n movs r7, #15\n"
                        "5: ldrb r4, [r0]\n ldrb r5, [r0, #1]\n subs r4, r4, r5\n mov r5, r9\n muls r4, r5, r4\n" FIRST
                        " movs r5, #0\n" LISTED("adds") SECOND " movs r5, #0\n" LISTED("subs")
                        " mov r2, ip\n stmia r2!, {r4}\n mov ip, r2\n mov r2, r8\n subs r2, #1\n mov r8, r2\n bne 5b\n"
                        RESTORE);

/* sums ip, rows left r7, sum r4 */
#define PAIR(plus, minus)                                                                                              \
    " ldrb r2, [r0, #" plus "]\n ldrb r3, [r0, #" minus "]\n ldrsb r2, [r1, r2]\n ldrsb r3, [r1, r3]\n"                \
    " adds r4, r4, r2\n subs r4, r4, r3\n"
FUNCTION("NAME_paired", " push {r4-r7, lr}\n mov ip, r2\n mov r7, r3\n"
                        "5: ldrb r2, [r0]\n adds r0, #1\n lsls r2, r2, #2\n adds r2, r2, r0\n mov lr, r2\n"
                        " mov r2, ip\n ldr r4, [r2]\n" EACH(PAIR("0", "1") PAIR("2", "3") " adds r0, #4\n")
                        " mov r2, ip\n stmia r2!, {r4}\n mov ip, r2\n subs r7, #1\n bne 5b\n pop {r4-r7, pc}\n");

/* weights r0, values r1, kept in ip, their end lr; sums r4 ... r7 */
#define DOT(sum, at) " ldrb r3, [r0, #" at "]\n muls r3, r2, r3\n adds " sum ", " sum ", r3\n"
#define DOT4(a, b, c, d) " ldmia r1!, {r2}\n" DOT("r4", a) DOT("r5", b) DOT("r6", c) DOT("r7", d)
#define DOT16                                                                                                          \
    DOT4("0", "1", "2", "3") DOT4("4", "5", "6", "7") DOT4("8", "9", "10", "11") DOT4("12", "13", "14", "15")          \
    " adds r0, #16\n"
FUNCTION("NAME_dots", " push {r4-r7, lr}\n mov ip, r3\n mov lr, r2\n ldmia r3!, {r4-r7}\n"
                      "1:" DOT16 " cmp r1, lr\n bne 1b\n mov r3, ip\n stmia r3!, {r4-r7}\n pop {r4-r7, pc}\n");
/* r2 = table[clamp(r2 >> shift)], from -128 on */
#define SATURATED(shift, table)                                                                                        \
    " asrs r2, r2, " shift "\n adds r2, #128\n cmp r2, #255\n bls 1f\n asrs r2, r2, #31\n mvns r2, r2\n"               \
    " uxtb r2, r2\n1: " table " ldrb r2, [r7, r2]\n"
/* outputs r8, its copy on the stack behind the sums: pre-shift, low bits, shift, table, step, stride, end of the sums;
   then sums r0, y r1, multiplier r5, offset r6, outputs left r9, what is added to sums r11 */
FUNCTION("NAME_pixel", SAVE " mov ip, r1\n mov lr, r2\n mov r8, r3\n sub sp, #44\n add r2, sp, #16\n"
                       " ldmia r3!, {r4}\n mov r11, r4\n ldmia r3!, {r4-r7}\n stmia r2!, {r4-r7}\n"
                       " ldmia r3!, {r4, r5}\n stmia r2!, {r4, r5}\n ldr r3, [r3, #12]\n mov r9, r3\n"
                       "5: mov r4, r11\n mov r5, r11\n mov r6, r11\n mov r7, r11\n mov r1, ip\n"
                       "1:" DOT16 " cmp r1, lr\n bne 1b\n"
                       " mov r10, r0\n mov r0, sp\n stmia r0!, {r4-r7}\n mov r4, r9\n subs r4, #4\n mov r9, r4\n"
                       " bpl 2f\n lsls r4, r4, #2\n adds r0, r0, r4\n2: str r0, [sp, #40]\n mov r0, sp\n"
                       " mov r1, r8\n adds r1, #28\n ldmia r1!, {r5, r6}\n ldr r1, [r1]\n"
                       "3: ldmia r0!, {r2}\n ldr r3, [r5]\n mov r7, r2\n ldr r4, [sp, #20]\n ands r7, r4\n"
                       " muls r7, r3, r7\n ldr r4, [sp, #16]\n asrs r7, r7, r4\n asrs r2, r2, r4\n muls r2, r3, r2\n"
                       " adds r2, r2, r7\n ldr r3, [r6]\n adds r2, r2, r3\n ldr r4, [sp, #24]\n"
                       SATURATED("r4", " ldr r7, [sp, #28]\n") " strb r2, [r1]\n ldr r4, [sp, #32]\n"
                       " adds r5, r5, r4\n adds r6, r6, r4\n ldr r4, [sp, #36]\n adds r1, r1, r4\n"
                       " ldr r4, [sp, #40]\n cmp r0, r4\n bne 3b\n mov r4, r9\n cmp r4, #0\n ble 6f\n"
                       " mov r4, r8\n adds r4, #28\n stmia r4!, {r5, r6}\n str r1, [r4]\n mov r0, r10\n b 5b\n"
                       "6: add sp, #44\n" RESTORE);

FUNCTION("NAME_column", " push {r4-r6, lr}\n movs r4, #0\n movs r5, #0\n"
                        "1: ldrsb r6, [r0, r5]\n adds r0, r0, r3\n adds r4, r4, r6\n stmia r1!, {r6}\n subs r2, #1\n"
                        " bne 1b\n mov r0, r4\n pop {r4-r6, pc}\n");

/* rows left r2, sum r7; channels left r8, rows r9, from a window's end to the next channel's r10 */
FUNCTION("NAME_patch3", SAVE " ldmia r2!, {r3-r6}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n movs r7, #0\n"
                        "5: mov r2, r9\n1: ldrb r4, [r0]\n sxtb r4, r4\n ldrb r5, [r0, #1]\n sxtb r5, r5\n"
                        " ldrb r6, [r0, #2]\n sxtb r6, r6\n stmia r1!, {r4-r6}\n adds r7, r7, r4\n adds r7, r7, r5\n"
                        " adds r7, r7, r6\n adds r0, r0, r3\n subs r2, #1\n bne 1b\n add r0, r10\n mov r2, r8\n"
                        " subs r2, #1\n mov r8, r2\n bne 5b\n mov r0, r7\n" RESTORE);

/* taps r9, behind them r8, an output's place in the tile ip, sums r10, their end r11; weight r1, value r3 */
#define PRODUCT(sum) " ldmia r2!, {r3}\n muls r3, r1, r3\n adds " sum ", " sum ", r3\n"
FUNCTION("NAME_windows", SAVE " mov r9, r0\n mov r8, r1\n mov ip, r2\n mov r10, r3\n ldr r4, [sp, #36]\n mov r11, r4\n"
                         "5: mov r0, r9\n movs r4, #0\n movs r5, #0\n movs r6, #0\n movs r7, #0\n"
                         "1: ldmia r0!, {r1, r2}\n add r2, ip\n" PRODUCT("r4") PRODUCT("r5") PRODUCT("r6") PRODUCT("r7")
                         " cmp r0, r8\n bne 1b\n mov r3, r10\n stmia r3!, {r4-r7}\n mov r10, r3\n movs r2, #16\n"
                         " add ip, r2\n cmp r3, r11\n bne 5b\n" RESTORE);

/* maps left ip, words lr; sum r2, words left r3, masks r6 and r7 */
FUNCTION("NAME_maps", " push {r4-r7, lr}\n mov ip, r2\n mov lr, r3\n ldr r6, 8f\n ldr r7, 9f\n"
                      "5: mov r3, lr\n movs r2, #0\n"
                      "1: ldmia r0!, {r4}\n eors r4, r6\n lsrs r5, r4, #8\n ands r4, r7\n ands r5, r7\n"
                      " adds r2, r2, r4\n adds r2, r2, r5\n subs r3, #1\n bne 1b\n uxth r4, r2\n lsrs r2, r2, #16\n"
                      " adds r2, r2, r4\n mov r3, lr\n lsls r3, r3, #9\n subs r2, r2, r3\n stmia r1!, {r2}\n"
                      " mov r3, ip\n subs r3, #1\n mov ip, r3\n bne 5b\n pop {r4-r7, pc}\n .p2align 2\n"
                      "8: .word 0x80808080\n9: .word 0x00ff00ff\n");

/* x r0 and y r1 behind their ends, -count r2; factor r4, offset r5, shift r6, table r7 */
FUNCTION("NAME_scale", " push {r4-r7, lr}\n ldmia r3!, {r4-r7}\n adds r0, r0, r2\n adds r1, r1, r2\n negs r2, r2\n"
                       "3: ldrsb r3, [r0, r2]\n muls r3, r4, r3\n adds r3, r3, r5\n" INDEX("r3", "r6", "r7")
                       " strb r3, [r1, r2]\n adds r2, #1\n bne 3b\n pop {r4-r7, pc}\n");
FUNCTION("NAME_scale_sums", " push {r4-r7, lr}\n ldmia r3!, {r4-r7}\n adds r1, r1, r2\n negs r2, r2\n"
                            "3: ldmia r0!, {r3}\n muls r3, r4, r3\n adds r3, r3, r5\n" INDEX("r3", "r6", "r7")
                            " strb r3, [r1, r2]\n adds r2, #1\n bne 3b\n pop {r4-r7, pc}\n");

/* sums or x r0, y r1, multiplier r3, pre-shift r4, shift r5, table r6; low bits r8, offset r9, gate r10, zero ip, end
   of y lr */
#define SHIFTED(load)                                                                                                  \
    SAVE " add r2, r1\n mov lr, r2\n mov r2, r3\n ldmia r2!, {r3-r7}\n mov r8, r4\n mov r9, r6\n mov r4, r5\n"         \
    " mov r5, r7\n ldmia r2!, {r6, r7}\n mov ip, r7\n ldr r7, [r2]\n mov r10, r7\n"                                    \
    "3:" load " mov r7, r8\n ands r7, r2\n muls r7, r3, r7\n asrs r7, r7, r4\n asrs r2, r2, r4\n muls r2, r3, r2\n"    \
    " adds r2, r2, r7\n add r2, r9\n mov r7, r6\n" SATURATED("r5", "")                                                 \
    " strb r2, [r1]\n adds r1, #1\n cmp r1, lr\n bne 3b\n" RESTORE
FUNCTION("NAME_shift_sums", SHIFTED(" ldmia r0!, {r2}\n"));
FUNCTION("NAME_shift_gate", SHIFTED(" ldrb r2, [r0]\n sxtb r2, r2\n adds r0, #1\n mov r7, ip\n subs r2, r2, r7\n"
                                    " mov r7, r10\n muls r2, r7, r2\n"));
#else
KERNEL void NAME_outputs(uint32_t word, int8_t *y, const channel_t *channel)
{
    uint32_t multiplier = (uint32_t)channel->multiplier, offset = (uint32_t)channel->offset;

    y[0] = channel->table[limited(as_signed(multiplier * (word & 0xffffu) + offset) >> channel->shift)];
    y[channel->distance] = channel->table[limited(as_signed(multiplier * (word >> 16) + offset) >> channel->shift)];
}

/* That of the next row. */
KERNEL channel_t NAME_channel(rows_t *rows)
{
    channel_t channel = {rows->rounding[0], rows->shift, rows->table, 2, rows->rounding[1]};

    rows->rounding += 2;
    return channel;
}

KERNEL const uint8_t *NAME_rows(const uint8_t *list, const uint32_t *tile, int8_t *y, rows_t *rows, int words,
                                int bytes)
{
    for (int row = 0; row < rows->count; row++, y += rows->stride) {
        int plus = *list++, minus = *list++, each = bytes ? 1 : 2;
        uint32_t sums[4] = {LANES, LANES, LANES, LANES};
        channel_t channel = NAME_channel(rows);
        const uint32_t *entry = tile;

        for (int n = 0; n < each * (plus + minus); n++) {
            if (n == each * plus)
                entry = tile;
            if (bytes)
                entry += *list++ / 4;
            else {
                entry += words * (n & 1 ? *list & 15 : *list >> 4);
                list += n & 1;
            }
            for (int i = 0; i < words; i++, entry++)
                sums[i] += n < each * plus ? *entry : 0u - *entry;
        }
        for (int i = 0; i < words; i++)
            NAME_outputs(sums[i], y + 4 * (i / 2) + i % 2, &channel);
    }
    return list;
}

KERNEL const uint8_t *NAME_taps(const uint8_t *list, const uint32_t *tile, int8_t *y, const channel_t *channel,
                                int words)
{
    int plus = *list++, minus = *list++;
    uint32_t sums[4] = {LANES, LANES, LANES, LANES};

    for (int n = 0; n < plus + minus; n++, list++)
        for (int i = 0; i < words; i++)
            sums[i] += n < plus ? tile[*list + i] : 0u - tile[*list + i];
    for (int i = 0; i < words; i++)
        NAME_outputs(sums[i], y + i, channel);
    return list;
}
#define NAME_rows4(list, tile, y, rows) NAME_rows(list, tile, y, rows, 4, 0)
#define NAME_rows2(list, tile, y, rows) NAME_rows(list, tile, y, rows, 2, 0)
#define NAME_bytes4(list, tile, y, rows) NAME_rows(list, tile, y, rows, 4, 1)
#define NAME_bytes2(list, tile, y, rows) NAME_rows(list, tile, y, rows, 2, 1)
#define NAME_taps4(list, tile, y, channel) NAME_taps(list, tile, y, channel, 4)
#define NAME_taps2(list, tile, y, channel) NAME_taps(list, tile, y, channel, 2)

KERNEL const uint8_t *NAME_maps2(const uint8_t *list, uint32_t *tile, int8_t *y, rows_t *rows)
{
    for (int c = 0; c < rows->count; c++, y += rows->stride, rows->x += 4) {
        uint32_t left = (four_bytes(rows->x) ^ rows->sign) & rows->bytes;
        uint32_t right = (four_bytes(rows->x) ^ rows->sign) >> 8 & rows->bytes;
        channel_t channel = NAME_channel(rows);

        tile[1] = (left << 16) + rows->outside;
        tile[2] = (right << 16) + rows->outside;
        tile[5] = left;
        tile[6] = right;
        tile[9] = (left >> 16) + rows->below;
        tile[10] = (right >> 16) + rows->below;
        list = NAME_taps2(list, tile, y, &channel);
    }
    return list;
}

KERNEL void NAME_fill(uint32_t *row, const int8_t *lower, const int8_t *upper, const fill_t *fill)
{
    for (int i = 0; i < fill->rows; i++) {
        for (int j = 0; j < fill->width; j++)
            row[fill->places[j] / 4] =
                (uint32_t)(int32_t)lower[j] + ((uint32_t)(int32_t)upper[j] << 16) - fill->less;
        row += fill->row / 4;
        lower += fill->lower;
        upper += fill->upper;
    }
}

KERNEL void NAME_spread(uint32_t *row, const int8_t *x, const fill_t *fill)
{
    for (int i = 0; i < fill->rows; i++, row += fill->row / 4, x += fill->width)
        for (int j = 0; j < fill->width; j++)
            row[fill->places[j] / 4] = (uint32_t)(int32_t)x[j] - fill->less;
}

KERNEL void NAME_windows(const tap_t *taps, const tap_t *behind, const uint32_t *row, int32_t *sums, int32_t *end)
{
    for (; sums != end; row += 4, sums += 4) {
        uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

        for (const tap_t *tap = taps; tap != behind; tap++) {
            const uint32_t *here = row + tap->place / 4;
            uint32_t weight = (uint32_t)tap->weight;

            s0 += here[0] * weight;
            s1 += here[1] * weight;
            s2 += here[2] * weight;
            s3 += here[3] * weight;
        }
        sums[0] = as_signed(s0);
        sums[1] = as_signed(s1);
        sums[2] = as_signed(s2);
        sums[3] = as_signed(s3);
    }
}

KERNEL void NAME_unpack(const int8_t *x, uint32_t *tile, const unpack_t *unpack)
{
    for (const int8_t *end = x + unpack->size; x != end; x += unpack->pixels)
        for (int i = 0; i < 2 * unpack->words; i += 4) {
            uint32_t four = four_bytes(x + i) ^ 0x80808080u;

            *tile++ = (four & 0x00ff00ffu) - unpack->less;
            *tile++ = (four >> 8 & 0x00ff00ffu) - unpack->less;
        }
}

KERNEL const uint8_t *NAME_listed(const uint8_t *list, const int8_t *entries, int32_t *sums, int count, int correction)
{
    while (count--) {
        int plus = *list++, minus = *list++, at = 0;
        int32_t sum = correction * (plus - minus);

        for (int n = 0; n < 2 * (plus + minus); n++) {
            at = (n == 2 * plus ? 0 : at) + (n & 1 ? *list & 15 : *list >> 4);
            list += n & 1;
            sum += n < 2 * plus ? entries[at] : -entries[at];
        }
        *sums++ = sum;
    }
    return list;
}

KERNEL const uint8_t *NAME_paired(const uint8_t *list, const int8_t *entries, int32_t *sums, int count)
{
    while (count--) {
        for (int pairs = 2 * *list++; pairs; pairs--, list += 2)
            *sums += entries[list[0]] - entries[list[1]];
        sums++;
    }
    return list;
}

#define DOT4(n)                                                                                                        \
    sums[0] += weights[4 * n] * (uint32_t)value[n], sums[1] += weights[4 * n + 1] * (uint32_t)value[n],                \
        sums[2] += weights[4 * n + 2] * (uint32_t)value[n], sums[3] += weights[4 * n + 3] * (uint32_t)value[n]
KERNEL void NAME_pixel(const uint8_t *weights, const int32_t *values, const int32_t *end, outputs_t *o)
{
    for (int left = o->count; left > 0; left -= 4) {
        uint32_t added = (uint32_t)o->added, sums[4] = {added, added, added, added};

        for (const int32_t *value = values; value != end; value += 4, weights += 16) {
            DOT4(0);
            DOT4(1);
            DOT4(2);
            DOT4(3);
        }
        for (int n = 0; n < 4 && n < left; n++, o->y += o->stride) {
            uint32_t sum = sums[n], factor = (uint32_t)*o->multiplier;
            uint32_t scaled = (uint32_t)(as_signed(sum) >> o->pre_shift) * factor + (uint32_t)*o->offset;

            scaled += (uint32_t)(as_signed((sum & o->low) * factor) >> o->pre_shift);
            *o->y = o->table[saturated(as_signed(scaled) >> o->shift)];
            o->multiplier += o->step / 4;
            o->offset += o->step / 4;
        }
    }
}

KERNEL int32_t NAME_column(const int8_t *x, int32_t *values, int count, int stride)
{
    int32_t total = 0;

    for (; count; count--, x += stride)
        total += *values++ = *x;
    return total;
}

KERNEL int32_t NAME_patch3(const int8_t *x, int32_t *values, const patch_t *patch)
{
    int32_t total = 0;

    for (int c = 0; c < patch->depth; c++, x += patch->between)
        for (int u = 0; u < patch->tall; u++, x += patch->width)
            for (int v = 0; v < 3; v++)
                total += *values++ = x[v];
    return total;
}

KERNEL void NAME_maps(const int8_t *x, int32_t *sums, int channels, int words)
{
    for (; channels; channels--) {
        int32_t sum = 0;

        for (const int8_t *end = x + 4 * words; x != end;)
            sum += *x++;
        *sums++ = sum;
    }
}

KERNEL void NAME_scale(const int8_t *x, int8_t *y, int count, const scale_t *scale)
{
    for (; count; count--) {
        uint32_t product = (uint32_t)(int32_t)*x++ * (uint32_t)scale->factor;

        *y++ = scale->table[limited(as_signed(product + scale->offset) >> scale->shift)];
    }
}

KERNEL void NAME_scale_sums(const int32_t *sums, int8_t *y, int count, const scale_t *scale)
{
    for (; count; count--) {
        uint32_t product = (uint32_t)*sums++ * (uint32_t)scale->factor;

        *y++ = scale->table[limited(as_signed(product + scale->offset) >> scale->shift)];
    }
}

KERNEL int8_t NAME_shift(int32_t sum, const shift_t *s)
{
    uint32_t scaled = (uint32_t)(sum >> s->pre_shift) * (uint32_t)s->multiplier + s->offset;

    scaled += (uint32_t)(as_signed(((uint32_t)sum & s->low) * (uint32_t)s->multiplier) >> s->pre_shift);
    return s->table[saturated(as_signed(scaled) >> s->shift)];
}

KERNEL void NAME_shift_sums(const int32_t *sums, int8_t *y, int count, const shift_t *shift)
{
    while (count--)
        *y++ = NAME_shift(*sums++, shift);
}

KERNEL void NAME_shift_gate(const int8_t *x, int8_t *y, int count, const shift_t *shift)
{
    while (count--)
        *y++ = NAME_shift((*x++ - shift->zero) * shift->gate, shift);
}
#endif

