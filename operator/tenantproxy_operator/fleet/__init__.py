"""A look at the fleet from outside, in a cluster or under `local`: what a person at a terminal may see of it."""
