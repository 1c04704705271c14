"""Gaussians to look at: without floaters, turning, and in a page."""
