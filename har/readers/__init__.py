"""Files that apps and devices write, as recordings; one file of source a format."""
