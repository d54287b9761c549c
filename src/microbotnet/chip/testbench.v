// Runs the picture in picture.hex and compares its scores with expected.hex, which the integer program gave.
`timescale 1ns / 1ps

module testbench;
    reg clk = 0, rst = 1, start = 0, host_enable = 0;
    reg [@SIDE@-1:0] host_write = 0;
    reg [@ADDRESS@-1:0] host_address = 0;
    reg [8*@SIDE@-1:0] host_data = 0;
    wire [8*@SIDE@-1:0] host_read;
    wire busy, done;
    wire [@ROUNDERS@-1:0] result_valid;
    wire [16*@ROUNDERS@-1:0] result;
    reg [8*@SIDE@-1:0] picture [0:@PICTURE_WORDS@-1];
    reg [15:0] expected [0:@SCORES@-1];
    integer index, cycles, scores, wrong, r;

    chip chip (.clk(clk), .rst(rst), .host_enable(host_enable), .host_write(host_write),
               .host_address(host_address), .host_data(host_data), .host_read(host_read), .start(start),
               .busy(busy), .done(done), .result_valid(result_valid), .result(result));

    always #(@PERIOD@ / 2.0) clk = ~clk;

    initial begin
        $readmemh("picture.hex", picture);
        $readmemh("expected.hex", expected);
        scores = 0;
        wrong = 0;
        @(negedge clk) rst = 1;
        @(negedge clk) rst = 0;
        host_enable = 1;
        host_write = {@SIDE@{1'b1}};
        for (index = 0; index < @PICTURE_WORDS@; index = index + 1) begin
            host_address = @PICTURE_ADDRESS@ + index;
            host_data = picture[index];
            @(negedge clk);
        end
        host_enable = 0;
        start = 1;
        @(negedge clk) start = 0;
        cycles = 1;
        while (!done && cycles < @LIMIT@) begin
            @(negedge clk) cycles = cycles + 1;
            for (r = 0; r < @ROUNDERS@; r = r + 1)
                if (result_valid[r]) begin
                    if (result[16*r +: 16] !== expected[scores]) begin
                        wrong = wrong + 1;
                        $display("score %0d is %0d, not %0d", scores, $signed(result[16*r +: 16]),
                                 $signed(expected[scores]));
                    end
                    scores = scores + 1;
                end
        end
        if (done && wrong == 0 && scores == @SCORES@) $display("equal: %0d scores, %0d cycles", scores, cycles);
        else $display("different: %0d of %0d scores, %0d wrong, %0d cycles", scores, @SCORES@, wrong, cycles);
        $finish;
    end
endmodule
