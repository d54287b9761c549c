"""Which registers an instruction writes, and which make the address of a single load or store, as masks of 16 bits.

Encodings as in `thumb`. Of what a pipeline may wait for only results of the ALU and of loads are told; what writes
nothing, or is no single load or store, has the mask 0.
"""

PC, SP = 1 << 15, 1 << 13


def written(first: int, second: int = 0) -> int:
    """By an ALU instruction, a multiplication, a division or a single load. second: of 4-byte instructions."""
    if first >> 11 in (0b11101, 0b11110, 0b11111):
        if first >> 9 == 0b1111100:  # a load or store
            return 1 << (second >> 12) if first & 0x10 else 0
        if first >> 7 == 0b111110111:  # long multiplication, division
            return 1 << (second >> 8 & 15) | (1 << (second >> 12) if second >> 12 != 15 else 0)
        return 1 << (second >> 8 & 15) & ~PC
    top, low, middle = first >> 12, 1 << (first & 7), 1 << (first >> 8 & 7)
    if top < 0b0010:
        return low
    if top in (0b0010, 0b0011):
        return 0 if first >> 11 == 0b00101 else middle  # cmp
    if first >> 10 == 0b010000:
        return 0 if first >> 6 & 15 in (0b1000, 0b1010, 0b1011) else low  # tst, cmp, cmn
    if first >> 10 == 0b010001:
        return 0 if first >> 8 & 3 in (1, 3) else 1 << (first >> 4 & 8 | first & 7)
    if first >> 11 in (0b01001, 0b10011) or top == 0b1010:
        return middle
    if top == 0b0101:
        return low if first >> 9 & 7 >= 3 else 0
    if top in (0b0110, 0b0111, 0b1000):
        return low if first >> 11 & 1 else 0
    if top == 0b1011:
        return SP if first >> 8 == 0b10110000 else low if first >> 8 in (0b10110010, 0b10111010) else 0
    return 0


def addressed(first: int, second: int = 0) -> int:
    """By a single load or store: two registers where the second is the offset."""
    if first >> 9 == 0b1111100:
        by_register = not first & 0x80 and not second & 0xFC0 and first & 15 != 15
        return 1 << (first & 15) | (1 << (second & 15) if by_register else 0)
    if first >> 11 == 0b01001:
        return PC
    if first >> 12 == 0b0101:
        return 1 << (first >> 3 & 7) | 1 << (first >> 6 & 7)
    if first >> 12 in (0b0110, 0b0111, 0b1000):
        return 1 << (first >> 3 & 7)
    return SP if first >> 12 == 0b1001 else 0
