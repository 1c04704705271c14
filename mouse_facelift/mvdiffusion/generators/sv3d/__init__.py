"""SV3D: 21 frames of a turn around the subject, the last of which is the reference."""
