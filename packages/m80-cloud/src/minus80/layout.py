"""Where everything is in a bucket.

minus80/datasets/<dtype>.<name>.json       the dataset: its versions and tags
minus80/manifests/<sha256>.json            the files of a version
minus80/blobs/<2 digits>/<sha256>[.gz]     the content of a file
minus80/under-way/<dtype>.<name>/<id>      a put under way
minus80/under-way/gc/<id>                  a clean-up under way
minus80/digests/<id>                       the SHA-256 of a large raw file, which names it
Raw/<dtype>/<file name>                    a raw file, as it is
databases/<dtype>.<name>                   a dataset as the old engine left it: a tar
Raw/<dtype>.<file name>                    a raw file as the old engine left it
"""

from __future__ import annotations

OURS = "minus80/"
DATASETS = "minus80/datasets/"
MANIFESTS = "minus80/manifests/"
BLOBS = "minus80/blobs/"
UNDER_WAY = "minus80/under-way/"
DIGESTS = "minus80/digests/"
RAW = "Raw/"
OLD_DATASETS = "databases/"

_SUFFIX = ".json"
_GZIP = ".gz"


def dataset_key(slug: str) -> str:
    """Return the key of a dataset."""
    return f"{DATASETS}{slug}{_SUFFIX}"


def dataset_slug(key: str) -> str | None:
    """Return the slug in a dataset's key, or None if it is none."""
    if not (key.startswith(DATASETS) and key.endswith(_SUFFIX)):
        return None
    return key[len(DATASETS) : -len(_SUFFIX)]


def manifest_key(sha256: str) -> str:
    """Return the key of a manifest."""
    return f"{MANIFESTS}{sha256}{_SUFFIX}"


def blob_key(sha256: str, *, gzip: bool = False) -> str:
    """Return the key of a file's content."""
    return f"{BLOBS}{sha256[:2]}/{sha256}{_GZIP if gzip else ''}"


def blob_of(key: str) -> tuple[str, bool]:
    """Return the digest in a blob's key, and whether it is compressed."""
    name = key.rpartition("/")[2]
    return name.removesuffix(_GZIP), name.endswith(_GZIP)


def raw_key(dtype: str, name: str) -> str:
    """Return the key of a raw file."""
    return f"{RAW}{dtype}/{name}"


def old_raw_key(dtype: str, name: str) -> str:
    """Return the key that the old engine gave to a raw file."""
    return f"{RAW}{dtype}.{name}"
