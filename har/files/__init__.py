"""Files and folders that appear whole or not at all, and what is said where there is no room for them."""
