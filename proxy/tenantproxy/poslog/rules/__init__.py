"""Which transactions concern a customer order, and what is told of them."""
