"""Studies of many runs: comparisons and searches."""
