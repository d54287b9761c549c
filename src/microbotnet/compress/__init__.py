"""Deep Compression (Han et al. 2015, arXiv 1510.00149): pruning, weight sharing, Huffman coding, and the file."""
