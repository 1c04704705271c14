"""What masks of several cameras say of the body before them, and the views that are made of it: shared by rooms."""
