"""Deep networks under dropout: filtered SGD on many replicas at once, and whether masks leave a path to learn by."""
