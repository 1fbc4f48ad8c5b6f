"""How what the library costs grows: corpora of any size, generated, opened and drawn from as training does."""
