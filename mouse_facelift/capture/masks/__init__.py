"""Masks where a laboratory has none: from the recording itself, or from a few frames that someone outlined."""
