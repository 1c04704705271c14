"""Multi-camera video of a mouse to 3D Gaussians: the library behind the workflow."""
