"""Boards, a TOML file each."""
