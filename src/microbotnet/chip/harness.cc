// The engine's memories and one picture after another, around a simulated engine. Made for that engine: @NAMES@.
#include "engine.cc"
#include <cstdint>
#include <cstring>
#include <vector>

namespace {
template <size_t N> const cxxrtl::value<N> &seen(const cxxrtl::value<N> &port) { return port; }
template <size_t N> const cxxrtl::value<N> &seen(const cxxrtl::wire<N> &port) { return port.curr; }
template <typename Port> uint32_t number(const Port &port) { return seen(port).data[0]; }

template <typename Port> void put(Port &port, const uint32_t *from) {
    memcpy(port.data, from, sizeof(port.data));
}

// Bits at..at + width of a port, at most 32.
template <typename Port> uint32_t part(const Port &port, unsigned at, unsigned width) {
    const uint32_t *data = seen(port).data;
    uint64_t both = data[at / 32];
    if (at % 32 + width > 32) both |= uint64_t(data[at / 32 + 1]) << 32;
    return uint32_t(both >> (at % 32)) & uint32_t((uint64_t(1) << width) - 1);
}
} // namespace

// Memories are rows of 32-bit chunks. dumps: of each pass, the first word to copy out when it has ended, and how many.
// watch: the first `cycles` cycles of the pass `watched`, 8 numbers each. counts: of each pass: cycles, reads, writes, reads of weights, of constants, of tables, of rows of passes.
extern "C" int simulate(const uint32_t *weights, const uint32_t *constants, const uint32_t *tables,
                        const uint32_t *passes, uint32_t *memory, const uint32_t *dumps, uint32_t *dumped,
                        int16_t *scores, uint64_t *counts, uint64_t limit, uint32_t watched, uint32_t *watch,
                        uint64_t cycles) {
    cxxrtl_design::p_engine top;
    enum { SIDE = @SIDE@, ROUNDERS = @ROUNDERS@, TABLE = @TABLE@ };
    const unsigned word = (8 * SIDE + 31) / 32, wide = (@WEIGHT@ + 31) / 32, row = (@CONSTANT@ + 31) / 32,
                   pass = (@PASS@ + 31) / 32;
    top.p_rst.data[0] = 0;
    top.p_start.data[0] = 1;
    for (uint64_t cycle = 0; cycle < limit; cycle++) {
        top.p_clk.data[0] = 0;
        top.step();
        const uint32_t at = number(top.p_pass__number);
        uint64_t *count = counts + 7 * at;
        const bool read = number(top.p_read__enable), constant = number(top.p_constants__enable), next = number(top.p_passes__enable),
                   passed = number(top.p_passed), done = number(top.p_done);
#if @HARDWIRED@
        const uint32_t weight = 0;
#else
        const uint32_t weight = number(top.p_weights__enable), weight_at = number(top.p_weights__address);
#endif
        const uint32_t read_at = number(top.p_read__address), constant_at = number(top.p_constants__address), pass_at = number(top.p_passes__address),
                       write = number(top.p_write__enable), write_at = number(top.p_write__address),
                       look = number(top.p_tables__enable), valid = number(top.p_result__valid);
        uint32_t look_at[ROUNDERS];
        if (write) {
            if (read && read_at % @BANKS@ == write_at % @BANKS@) return 2;
            const uint8_t *from = reinterpret_cast<const uint8_t *>(seen(top.p_write__data).data);
            uint8_t *to = reinterpret_cast<uint8_t *>(memory + word * write_at);
            for (unsigned i = 0; i < SIDE; i++)
                if (write >> i & 1) to[i] = from[i];
        }
        for (unsigned r = 0; r < ROUNDERS; r++) {
            look_at[r] = part(top.p_tables__address, r * TABLE, TABLE);
            if (valid >> r & 1) *scores++ = int16_t(part(top.p_result, 16 * r, 16));
        }
        if (at == watched && count[0] < cycles) {
            const uint32_t now[8] = {read, write, weight, constant, look, valid, read_at, write_at};
            memcpy(watch + 8 * count[0], now, sizeof now);
        }
        count[0]++, count[1] += read, count[2] += write != 0, count[3] += weight, count[4] += constant;
        count[5] += __builtin_popcount(look), count[6] += next;
        top.p_clk.data[0] = 1;
        top.step();
        top.p_start.data[0] = 0;
        if (read) put(top.p_read__data, memory + word * read_at);
#if !@HARDWIRED@
        if (weight) put(top.p_weights__data, weights + wide * weight_at);
#endif
        if (constant) put(top.p_constants__data, constants + row * constant_at);
        if (next) put(top.p_passes__data, passes + pass * pass_at);
        for (unsigned r = 0; r < ROUNDERS; r++)
            if (look >> r & 1) {
                uint32_t &all = top.p_tables__data.data[r / 4];
                all = (all & ~(255u << r % 4 * 8)) | (tables[look_at[r]] & 255) << r % 4 * 8;
            }
        if (passed) {
            memcpy(dumped, memory + word * dumps[2 * at], 4 * word * dumps[2 * at + 1]);
            dumped += word * dumps[2 * at + 1];
        }
        if (done) return 0;
    }
    return 1;
}
