"""Blocks that the networks for movement and for text share."""
