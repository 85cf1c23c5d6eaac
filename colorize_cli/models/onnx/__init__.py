"""Networks as ONNX graphs: written from a checkpoint's weights or by torch, and read, without the `onnx` package."""
