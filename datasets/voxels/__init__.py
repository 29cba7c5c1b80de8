"""Reading boxes of voxels from any local format, without Django.

`open_mag` opens one mag, `VoxelArray` is what it gives; how the voxels then travel to a client is
left to `datasets.streaming`.
"""
