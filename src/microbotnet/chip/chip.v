// The engine with its memories. Plain Verilog-2005; for a foundry put its macros in place of `ram` and `rom`, which
// answer in the next cycle and keep their answer until they are asked again.
`default_nettype none

module chip #(parameter LOADED = 0) (  // LOADED: the activations begin with the picture of picture0.hex …
    input  wire                 clk,
    input  wire                 rst,
    // A user reads and writes activations while nothing runs.
    input  wire                 host_enable,
    input  wire [@SIDE@-1:0]    host_write,
    input  wire [@ADDRESS@-1:0] host_address,
    input  wire [8*@SIDE@-1:0]  host_data,
    output wire [8*@SIDE@-1:0]  host_read,
    input  wire                 start,
    output wire                 busy,
    output wire                 done,
    output wire [@ROUNDERS@-1:0]    result_valid,
    output wire [16*@ROUNDERS@-1:0] result
);
    wire read_enable;
    wire [@ADDRESS@-1:0] read_address, write_address;
    wire [@SIDE@-1:0] write_enable;
    wire [8*@SIDE@-1:0] write_data, read_data;
    wire constants_enable, passes_enable, passed;
    wire [@CONSTANT_ADDRESS@-1:0] constants_address;
    wire [@CONSTANT@-1:0] constants_data;
    wire [@PASS_ADDRESS@-1:0] passes_address, pass_number;
    wire [@PASS@-1:0] passes_data;
    wire [@ROUNDERS@-1:0] tables_enable;
    wire [@ROUNDERS@*@TABLE_ADDRESS@-1:0] tables_address;
    wire [8*@ROUNDERS@-1:0] tables_data;
@WEIGHTS_WIRES@
    engine engine (
        .clk(clk), .rst(rst), .start(start), .busy(busy), .done(done), .pass_number(pass_number), .passed(passed),
        .read_enable(read_enable), .read_address(read_address), .read_data(read_data),
        .write_enable(write_enable), .write_address(write_address), .write_data(write_data),
        .constants_enable(constants_enable), .constants_address(constants_address), .constants_data(constants_data),
        .passes_enable(passes_enable), .passes_address(passes_address), .passes_data(passes_data),
        .tables_enable(tables_enable), .tables_address(tables_address), .tables_data(tables_data),
@WEIGHTS_PORTS@
        .result_valid(result_valid), .result(result)
    );

    // Activations, in banks by the lowest bits of the address.
    wire [8*@SIDE@*@BANKS@-1:0] bank_data;
    reg [@ADDRESS@-1:0] answering;
    wire reads = busy ? read_enable : host_enable & ~|host_write;
    wire [@ADDRESS@-1:0] reads_at = busy ? read_address : host_address;
    wire [@SIDE@-1:0] writes = busy ? write_enable : host_enable ? host_write : {@SIDE@{1'b0}};
    wire [@ADDRESS@-1:0] writes_at = busy ? write_address : host_address;
    wire [8*@SIDE@-1:0] writes_data = busy ? write_data : host_data;
    always @(posedge clk) if (reads) answering <= reads_at;
@BANK_RAMS@
    assign read_data = bank_data[8*@SIDE@*(answering & (@BANKS@ - 1)) +: 8*@SIDE@];
    assign host_read = read_data;

    rom #(.WIDTH(@CONSTANT@), .DEPTH(@CONSTANT_DEPTH@), .BITS(@CONSTANT_ADDRESS@), .FILE("constants.hex")) constants (
        .clk(clk), .enable(constants_enable), .address(constants_address), .q(constants_data));
    rom #(.WIDTH(@PASS@), .DEPTH(@PASS_DEPTH@), .BITS(@PASS_ADDRESS@), .FILE("passes.hex")) passes (
        .clk(clk), .enable(passes_enable), .address(passes_address), .q(passes_data));
@WEIGHTS_ROM@
    genvar i;
    generate
        for (i = 0; i < @ROUNDERS@; i = i + 1) begin : table_
            rom #(.WIDTH(8), .DEPTH(@TABLE_DEPTH@), .BITS(@TABLE_ADDRESS@), .FILE("tables.hex")) rom (
                .clk(clk), .enable(tables_enable[i]), .address(tables_address[@TABLE_ADDRESS@*i +: @TABLE_ADDRESS@]),
                .q(tables_data[8*i +: 8]));
        end
    endgenerate
endmodule

// One port; a write takes the lanes that are set and leaves q as it is.
module ram #(parameter LANES = 8, DEPTH = 1, BITS = 1, LOADED = 0, FILE = "") (
    input wire clk, input wire enable, input wire [LANES-1:0] write, input wire [BITS-1:0] address,
    input wire [8*LANES-1:0] data, output reg [8*LANES-1:0] q
);
    reg [8*LANES-1:0] memory [0:DEPTH-1];
    integer lane;
    always @(posedge clk) if (enable) begin
        if (|write) begin
            for (lane = 0; lane < LANES; lane = lane + 1)
                if (write[lane]) memory[address][8*lane +: 8] <= data[8*lane +: 8];
        end else q <= memory[address];
    end
    generate if (LOADED) initial $readmemh(FILE, memory); endgenerate
endmodule

module rom #(parameter WIDTH = 8, DEPTH = 1, BITS = 1, FILE = "") (
    input wire clk, input wire enable, input wire [BITS-1:0] address, output reg [WIDTH-1:0] q
);
    reg [WIDTH-1:0] memory [0:DEPTH-1];
    initial $readmemh(FILE, memory);
    always @(posedge clk) if (enable) q <= memory[address];
endmodule

`default_nettype wire
