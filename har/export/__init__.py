"""The network without PyTorch: an ONNX graph, what goes with it, and whether both say the same."""
