"""The command `mouse-facelift`: what one does by hand with results."""
