"""What: datasets, layers, mags, folders, tags, data stores, their metadata and their voxels."""
