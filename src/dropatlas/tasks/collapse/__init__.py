"""Tables of the training-collapse report."""
