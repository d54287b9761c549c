"""Energy presets, one TOML file each."""
