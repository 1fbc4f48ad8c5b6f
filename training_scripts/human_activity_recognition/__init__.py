"""Human activity recognition: the training scripts with their losses and memory bank."""
