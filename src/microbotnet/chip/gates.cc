// The engine gate by gate, its memories around it, and how often each net changes.
#include <cstdint>
#include <cstring>
#include <queue>

enum { NETS = @NETS@, GATES = @GATES@, SIDE = @SIDE@, ROUNDERS = @ROUNDERS@, TABLE = @TABLE@, BANKS = @BANKS@ };
static uint8_t v[NETS], old[NETS], recent[NETS];
static uint32_t changed[NETS];
static uint8_t gate_on[GATES + 1];
static uint64_t gate_cycles[GATES + 1];
@TABLES@
// Flip-flops by the clock gate (or -1) that they hang on; outputs are the state or its inverse.
static uint8_t next[FLOPS + 1];

static void open_gates() {
    for (int i = 0; i < GATES; i++) gate_on[i] = v[gate_enable[i]];
}

// Every cell once, each after all that it waits for.
static void settle() {
    const int *pin = pins;
    for (int g = 0; g < SETS; g++)
        switch (set_cell[g]) {
@CASES@
        }
    open_gates();
}

// An output of a cell of a kind.
static uint8_t value(int kind, const int *pin, int output) {
    switch (kind * MOST_OUTPUTS + output) {
@VALUES@
    }
    return 0;
}

// The same with the cells' delays: an output that would change back before its delay is over does not change.
struct Event {
    uint64_t time;
    int net;
    uint32_t serial;
    bool operator<(const Event &other) const { return time > other.time; }
};
static std::priority_queue<Event> events;
static uint8_t coming[NETS];                 // the value that a net is about to have
static uint32_t pending[NETS], serial;       // the event that brings it, or 0
static uint64_t ticks[NETS], plain[NETS];

static void touch(int net, uint64_t now) {
    for (int at = reader_first[net]; at < reader_first[net + 1]; at++) {
        const int cell = reader[at], kind = cell_kind[cell], inputs = kind_inputs[kind];
        const int *pin = pins + cell_pins[cell];
        for (int output = 0; output < kind_outputs[kind]; output++) {
            const int made = pin[inputs + output];
            const uint8_t now_is = value(kind, pin, output);
            if (pending[made] && coming[made] == now_is) continue;
            pending[made] = 0;
            if (now_is == v[made]) continue;
            coming[made] = now_is, pending[made] = ++serial;
            events.push({now + delay[made], made, serial});
        }
    }
}

static void settle_in_time() {
    for (int i = 0; i < NETS; i++)
        if (old[i] != v[i]) touch(i, 0);
    while (!events.empty()) {
        const Event event = events.top();
        events.pop();
        if (pending[event.net] != event.serial) continue;
        pending[event.net] = 0;
        v[event.net] = coming[event.net];
        ticks[event.net]++;
        touch(event.net, event.time);
    }
    open_gates();
}

static void clock_edge() {
    for (int g = 0; g < GROUPS; g++)
        if (group_gate[g] < 0 || gate_on[group_gate[g]])
            for (int i = group_first[g]; i < group_first[g + 1]; i++) next[i] = v[flop_data[i]] ^ flop_inverts[i];
    for (int g = 0; g < GROUPS; g++)
        if (group_gate[g] < 0 || gate_on[group_gate[g]])
            for (int i = group_first[g]; i < group_first[g + 1]; i++) v[flop_output[i]] = next[i];
}

static void flush() {
    for (int i = 0; i < NETS; i++) changed[i] += recent[i], recent[i] = 0;
}

static uint32_t number(const int *nets, int width) {
    uint32_t made = 0;
    for (int i = 0; i < width; i++) made |= uint32_t(v[nets[i]]) << i;
    return made;
}

static void put(const int *nets, int width, const uint32_t *from) {
    for (int i = 0; i < width; i++)
        if (nets[i] > 1) v[nets[i]] = from[i / 32] >> (i % 32) & 1;
}

@PORTS@

// weigh: joules of a change of each net. energy: of each pass, by part of the engine. gates: of each pass, the cycles
// in which each clock gate is open. every, watched: of so many cycles so many are simulated with delays; in_time,
// in_none: changes of each net in them, with and without. changes: of each net, all of them.
extern "C" int simulate(const uint32_t *weights, const uint32_t *constants, const uint32_t *tables,
                        const uint32_t *passes, uint32_t *memory, const double *weigh, const int *part, int parts,
                        double *energy, uint64_t *gates, uint64_t *changes, int16_t *scores, uint64_t *cycles,
                        uint64_t limit, uint64_t every, uint64_t watched, uint64_t *in_time, uint64_t *in_none) {
    const unsigned word = (8 * SIDE + 31) / 32, wide = (@WEIGHT@ + 31) / 32, row = (@CONSTANT@ + 31) / 32,
                   pass = (@PASS@ + 31) / 32;
    memset(v, 0, sizeof v);
    memset(changed, 0, sizeof changed);
    memset(recent, 0, sizeof recent);
    memset(gate_cycles, 0, sizeof gate_cycles);
    memset(ticks, 0, sizeof ticks);
    memset(plain, 0, sizeof plain);
    v[1] = 1;
    put(port_rst, 1, (const uint32_t[]){1});
    for (int i = 0; i < 3; i++) settle(), clock_edge();
    put(port_rst, 1, (const uint32_t[]){0});
    settle(), clock_edge();
    put(port_start, 1, (const uint32_t[]){1});
    settle();
    memcpy(old, v, sizeof v);
    uint32_t before = number(port_pass_number, W_pass_number);
    for (uint64_t cycle = 0; cycle < limit; cycle++) {
        const bool timed = every && cycle % every < watched;
        if (timed) {
            settle_in_time();
            for (int i = 0; i < NETS; i++) plain[i] += old[i] ^ v[i];
        } else {
            settle();
        }
        for (int i = 0; i < NETS; i++) recent[i] += old[i] ^ v[i];
        memcpy(old, v, sizeof v);
        if (cycle % 255 == 254) flush();
        const uint32_t at = number(port_pass_number, W_pass_number);
        const bool done = v[port_done[0]];
        if (at != before || done) {
            flush();
            for (int i = 0; i < NETS; i++)
                if (changed[i]) {
                    energy[before * parts + part[i]] += changed[i] * weigh[i];
                    changes[i] += changed[i];
                    changed[i] = 0;
                }
            for (int i = 0; i < GATES; i++) gates[before * GATES + i] += gate_cycles[i], gate_cycles[i] = 0;
            before = at;
        }
        cycles[at]++;
        const uint32_t read = v[port_read_enable[0]], read_at = number(port_read_address, W_read_address),
                       write = number(port_write_enable, SIDE), write_at = number(port_write_address, W_write_address),
                       constant = v[port_constants_enable[0]],
                       constant_at = number(port_constants_address, W_constants_address),
                       fetch = v[port_passes_enable[0]], pass_at = number(port_passes_address, W_passes_address),
                       look = number(port_tables_enable, ROUNDERS), valid = number(port_result_valid, ROUNDERS);
        @WEIGHTS_SEEN@
        uint32_t look_at[ROUNDERS];
        for (int r = 0; r < ROUNDERS; r++) {
            look_at[r] = number(port_tables_address + r * TABLE, TABLE);
            if (valid >> r & 1) *scores++ = int16_t(number(port_result + 16 * r, 16));
        }
        if (write) {
            if (read && read_at % BANKS == write_at % BANKS) return 2;
            for (int lane = 0; lane < SIDE; lane++)
                if (write >> lane & 1)
                    reinterpret_cast<uint8_t *>(memory + word * write_at)[lane] =
                        uint8_t(number(port_write_data + 8 * lane, 8));
        }
        for (int i = 0; i < GATES; i++) gate_cycles[i] += gate_on[i];
        clock_edge();
        put(port_start, 1, (const uint32_t[]){0});
        if (read) put(port_read_data, 8 * SIDE, memory + word * read_at);
        if (constant) put(port_constants_data, @CONSTANT@, constants + row * constant_at);
        if (fetch) put(port_passes_data, @PASS@, passes + pass * pass_at);
        @WEIGHTS_PUT@
        for (int r = 0; r < ROUNDERS; r++)
            if (look >> r & 1) put(port_tables_data + 8 * r, 8, tables + look_at[r]);
        if (done) {
            memcpy(in_time, ticks, sizeof ticks);
            memcpy(in_none, plain, sizeof plain);
            return 0;
        }
    }
    return 1;
}
