"""Programs of our own in other languages that do the same work as ours: to be measured beside them."""
