"""What lies on disk: dataset folders, their format, and the converters that make them."""
