"""The checks, a module for each group; `table` has them all, in the order in which they run."""
