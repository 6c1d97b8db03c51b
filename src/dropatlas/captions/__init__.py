"""Captions of the figures: what is seen, with the numbers of the run; one function per figure, called like it."""
