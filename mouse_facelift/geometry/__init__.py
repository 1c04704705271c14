"""Cameras, rays, Gaussians and the transforms between them. No files, no pictures."""
