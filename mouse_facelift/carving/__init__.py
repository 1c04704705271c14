"""What masks of several cameras say of the body before them: shared by the rooms that find it and that draw it."""
