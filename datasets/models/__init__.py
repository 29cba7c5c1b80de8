"""The tables of datasets."""

from .data_store import DataStore, StorageCredential
from .dataset import Dataset
from .disk_scan import DiskScan
from .folder import Folder
from .grants import DatasetGroupObjectPermission, DatasetTeam, FolderGroupObjectPermission
from .layer import Attachment, Layer, Mag
from .paths import DataReference, PathReservation, UsedStorage
from .tag import Tag
from .use import DatasetUse
from .view_configuration import DatasetViewConfiguration

__all__ = [
    "Attachment",
    "DataReference",
    "DataStore",
    "Dataset",
    "DatasetGroupObjectPermission",
    "DatasetTeam",
    "DatasetUse",
    "DatasetViewConfiguration",
    "DiskScan",
    "Folder",
    "FolderGroupObjectPermission",
    "Layer",
    "Mag",
    "PathReservation",
    "StorageCredential",
    "Tag",
    "UsedStorage",
]
