"""Tables of arXiv 2512.13853: crossing probabilities, scaling laws, topologies."""
