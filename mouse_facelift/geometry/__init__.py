"""Cameras, rays and the transforms between them. No files, no pictures."""
