"""A laboratory that never was: captures of a procedural mouse, and procedural animals to pretrain on."""
