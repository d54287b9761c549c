"""The engine, in Amaranth.

`walk` goes through a pass and says what is read; `columns` adds up; `rounder` rounds the sums; `engine` joins them and
reads the passes. Memories are outside: whoever uses the engine brings their own.
"""
