"""What rooms hand to one another: files, written whole or not at all, checked where they are read."""
