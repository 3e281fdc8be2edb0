"""Freezes datasets and raw files in S3."""

from minus80.accession import Accession
from minus80.cloud import CloudData
from minus80.cohort import Cohort
from minus80.errors import BucketMissing, ConcurrentPut, DatasetNotFound
from minus80.folders import available, delete
from minus80.freezable import Freezable, Storage
from minus80.history import History, Version
from minus80.listing import Listing
from minus80.settings import Cloud, Settings, load_settings

__all__ = [
    "Accession",
    "BucketMissing",
    "Cloud",
    "CloudData",
    "Cohort",
    "ConcurrentPut",
    "DatasetNotFound",
    "Freezable",
    "History",
    "Listing",
    "Settings",
    "Storage",
    "Version",
    "available",
    "delete",
    "load_settings",
]
