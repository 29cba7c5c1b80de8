"""Datasets, where they lie, and who may see them, in the admin."""

from . import data_stores, datasets, folders, layers, links, tags

__all__ = ["data_stores", "datasets", "folders", "layers", "links", "tags"]
