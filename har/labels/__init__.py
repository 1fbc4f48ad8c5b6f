"""What activities are called: synonym groups for scoring and balancing, phrasings for the text side."""
