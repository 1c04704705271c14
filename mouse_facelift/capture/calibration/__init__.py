"""Calibration files of laboratories: one module a format, one table of them in `readers`."""
