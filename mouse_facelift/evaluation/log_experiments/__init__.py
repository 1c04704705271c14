"""The research log's experiments: what was measured of each, and which of the log's explanations hold."""
