"""Slabs of voxels in, shards and the whole pyramid out, each written once and never read back.

Positions, shapes and mags are in x, y, z order; arrays are C-order (channel, z, y, x), so that
a slice of an image is a contiguous plane. Nothing in here knows Django.
"""
