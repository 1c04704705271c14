"""Cameras, rays and Gaussians: what stands where in space."""
