"""Human activity recognition: load a trained model, evaluate it, use it."""
