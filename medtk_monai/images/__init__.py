"""Image files: their headers and voxels, read in one way by all that ask."""
