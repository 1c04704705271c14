"""Points of the animal that a laboratory labeled or tracked: one module a tool, one table of them in `readers`."""
