"""A program as a circuit: Verilog of an engine for that program, simulated, counted and costed.

`passes` turns a program into what the engine runs and reads, `hardware` is the engine, in Amaranth. Both are sized by
the program: nothing is there that it does not use.
"""
