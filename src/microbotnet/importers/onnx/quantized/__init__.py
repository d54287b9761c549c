"""int8 networks of onnxruntime's quantizer, in both of its formats, as integer programs."""
