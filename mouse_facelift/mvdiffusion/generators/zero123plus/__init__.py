"""Zero123++: six tiles of one picture, drawn while looking at the reference in every self-attention."""
