"""What becomes of work that is killed, of full disks and damaged files: many trials, each with what was lost by it."""
