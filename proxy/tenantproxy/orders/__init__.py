"""The contract of a customer order, and how documents of other shapes become one. No I/O."""
