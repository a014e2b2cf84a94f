"""An event from its bytes to what is in it, within bounds."""
