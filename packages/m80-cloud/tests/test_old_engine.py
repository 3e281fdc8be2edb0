"""Datasets of the old S3 engine: listed, fetched, and not trusted."""

import io
import tarfile

import minus80 as m80
import pytest
from luisy_protocol.errors import IntegrityError


def tar(members, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for given, content in members:
            member = tarfile.TarInfo(given) if isinstance(given, str) else given
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.fixture
def store_old(s3_server, in_cloud):
    def store(content, slug="Cohort.old"):
        s3_server.client().put_object(Bucket=in_cloud, Key=f"databases/{slug}", Body=content)

    return store


GOOD = [("Cohort.old/db.sqlite", b"data"), ("Cohort.old/below/file", b"more")]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_get_makes_the_folder(data, store_old, databases, mode):
    store_old(tar(GOOD, mode))
    assert dict(data.list()) == {"Cohort": ("old",)}
    data.get("old", "Cohort")
    assert (databases / "Cohort.old" / "db.sqlite").read_bytes() == b"data"
    assert (databases / "Cohort.old" / "below" / "file").read_bytes() == b"more"


def test_get_again_changes_nothing(data, store_old, databases, home):
    store_old(tar(GOOD))
    data.get("old", "Cohort")
    inode = (databases / "Cohort.old").stat().st_ino
    data.get("old", "Cohort")
    assert (databases / "Cohort.old").stat().st_ino == inode
    assert not (home / ".minus80" / "replaced").exists()


def test_get_over_something_else_keeps_it(data, store_old, databases, home):
    store_old(tar(GOOD))
    (databases / "Cohort.old").mkdir(parents=True)
    (databases / "Cohort.old" / "mine").write_text("precious")
    data.get("old", "Cohort")
    (kept,) = (home / ".minus80" / "replaced").iterdir()
    assert (kept / "mine").read_text() == "precious"
    assert not (databases / "Cohort.old" / "mine").exists()


def test_links_inside_become_what_they_stand_for(data, store_old, databases):
    members = [
        *GOOD,
        (link("Cohort.old/soft", "below/file"), b""),
        (link("Cohort.old/hard", "Cohort.old/db.sqlite", tarfile.LNKTYPE), b""),
    ]
    store_old(tar(members))
    data.get("old", "Cohort")
    assert (databases / "Cohort.old" / "soft").read_bytes() == b"more"
    assert (databases / "Cohort.old" / "hard").read_bytes() == b"data"
    assert not (databases / "Cohort.old" / "soft").is_symlink()


@pytest.mark.parametrize(
    "member",
    [
        "Cohort.old/../../escaped",
        "/etc/escaped",
        "Other.dataset/file",
        "escaped",
        link("Cohort.old/link", "/etc/passwd"),
        link("Cohort.old/link", "../../../secret"),
        link("Cohort.old/link", "/etc/passwd", tarfile.LNKTYPE),
        link("Cohort.old/link", "Cohort.old/nowhere", tarfile.LNKTYPE),
        link("Cohort.old/device", "", tarfile.CHRTYPE),
        link("Cohort.old/pipe", "", tarfile.FIFOTYPE),
    ],
    ids=lambda member: member if isinstance(member, str) else f"{member.name} {member.linkname}",
)
def test_members_that_lead_out_are_refused(data, store_old, databases, tmp_path, member):
    store_old(tar([*GOOD, (member, b"")]))
    with pytest.raises(IntegrityError, match=r"databases/Cohort\.old in s3://"):
        data.get("old", "Cohort")
    assert not (databases / "Cohort.old").exists()
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("content", [b"no tar", tar(GOOD, "w:gz")[:100]], ids=["text", "cut"])
def test_damaged_tar_is_refused(data, store_old, databases, content):
    store_old(content)
    with pytest.raises(IntegrityError, match="is damaged"):
        data.get("old", "Cohort")
    assert not (databases / "Cohort.old").exists()


def test_put_over_it_makes_versions_and_remove_takes_both(data, store_old, databases):
    store_old(tar(GOOD))
    data.get("old", "Cohort")
    assert not data.history("old", "Cohort").versions
    data.put("old", "Cohort")
    assert len(data.history("old", "Cohort").versions) == 1
    data.remove("old", "Cohort")
    assert not data.list()


def test_version_of_it_is_refused(data, store_old):
    store_old(tar(GOOD))
    with pytest.raises(m80.DatasetNotFound):
        data.get("old", "Cohort", version=1)
