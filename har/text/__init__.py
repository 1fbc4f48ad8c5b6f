"""From label strings to embeddings: the frozen sentence encoder and the learnable label bank on top of it."""
