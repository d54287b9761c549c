"""Integer programs printed for other machines: C99, ONNX."""
