"""What the network is fed: windows cut in seconds, resampled, drawn in balanced batches, augmented as whole tensors."""
