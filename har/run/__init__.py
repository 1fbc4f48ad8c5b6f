"""What every script needs around its experiment: constants, run folder, checkpoints, log, seeds, schedule."""
