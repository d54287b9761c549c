// For a board: the picture lies in memory from the start, the number of its class comes out on four pins.
module board (input wire clk, output reg [3:0] class_, output reg finished);
    reg [3:0] reset = 4'd15;
    reg started = 0;
    wire start = reset == 0 & ~started;
    wire busy, done;
    wire [@ROUNDERS@-1:0] result_valid;
    wire [16*@ROUNDERS@-1:0] result;
    reg signed [15:0] best;
    reg [3:0] number;
    integer r;

    chip #(.LOADED(1)) chip (.clk(clk), .rst(reset != 0), .host_enable(1'b0), .host_write({@SIDE@{1'b0}}),
               .host_address({@ADDRESS@{1'b0}}), .host_data({8*@SIDE@{1'b0}}), .host_read(), .start(start),
               .busy(busy), .done(done), .result_valid(result_valid), .result(result));

    // Blocking: each score is compared with the best before it.
    always @(posedge clk) begin
        if (reset != 0) begin
            reset <= reset - 1;
            number = 0;
            best = -32768;
            class_ <= 0;
            finished <= 0;
        end else if (start) started <= 1;
        for (r = 0; r < @ROUNDERS@; r = r + 1)
            if (result_valid[r]) begin
                if (number == 0 || $signed(result[16*r +: 16]) > best) begin
                    best = result[16*r +: 16];
                    class_ <= number;
                end
                number = number + 1;
            end
        if (done) finished <= 1;
    end
endmodule
