"""From C sources to a microcontroller's image: boards, toolchains, an emulated core that counts."""
