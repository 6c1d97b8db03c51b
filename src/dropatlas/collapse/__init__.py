"""Deep networks under dropout: filtered SGD on many members at once, and whether masks leave a path to learn by."""
