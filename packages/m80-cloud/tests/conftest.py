"""A user with an own home, and a bucket of a real server that checks signatures."""

import pytest

VARIABLES = ("ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY", "REGION")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An own home folder, and nothing of the real user's settings."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in VARIABLES:
        monkeypatch.delenv(f"CLOUD_{name}", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def in_cloud(home, s3_server, s3_bucket, monkeypatch):
    """The settings of a user of the server, in the environment; gives the bucket's name."""
    monkeypatch.setenv("CLOUD_ENDPOINT", s3_server.endpoint)
    monkeypatch.setenv("CLOUD_BUCKET", s3_bucket)
    monkeypatch.setenv("CLOUD_ACCESS_KEY", s3_server.access_key)
    monkeypatch.setenv("CLOUD_SECRET_KEY", s3_server.secret_key)
    return s3_bucket
