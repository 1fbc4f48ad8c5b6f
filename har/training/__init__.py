"""What both training scripts do alike: opening the corpus, the run folder and resumption, the loop's bookkeeping."""
