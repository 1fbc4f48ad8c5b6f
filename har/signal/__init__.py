"""The door for every signal that enters: names of channels, plausibility, cutting. It refuses in one place for all."""
