"""The data doctor: every fault of a datalist and its files in one run, and what of it can be mended."""
