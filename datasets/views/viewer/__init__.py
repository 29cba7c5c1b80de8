"""View mode: the page, the frame with Neuroglancer in it, and what the page saves."""
