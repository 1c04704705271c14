"""Pictures and videos as arrays. No cameras."""
