"""The tables of datasets."""

from .data_store import DataStore, StorageCredential
from .dataset import Dataset
from .disk_scan import DiskScan
from .folder import Folder
from .grants import DatasetGroupObjectPermission, DatasetTeam, FolderGroupObjectPermission
from .layer import Attachment, Layer, Mag
from .tag import Tag
from .view_configuration import DatasetViewConfiguration

__all__ = [
    "Attachment",
    "DataStore",
    "Dataset",
    "DatasetGroupObjectPermission",
    "DatasetTeam",
    "DatasetViewConfiguration",
    "DiskScan",
    "Folder",
    "FolderGroupObjectPermission",
    "Layer",
    "Mag",
    "StorageCredential",
    "Tag",
]
