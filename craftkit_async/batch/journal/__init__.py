"""Journal: what became of each row, in a file that outlives the process."""
