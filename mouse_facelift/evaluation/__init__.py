"""Prediction tables to numbers and pictures, beside the trivial answers."""
