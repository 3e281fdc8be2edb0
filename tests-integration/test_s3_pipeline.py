"""A pipeline synchronised with S3: only ``LUISY_REMOTE`` and the keys are set, nothing else."""

from __future__ import annotations

import json

import pytest

RUN = "luisy --module my_module.tasks FinalFile"


@pytest.fixture
def in_s3(team, tmp_path, s3_server, s3_bucket):
    """The team, with a folder of a bucket for its store."""
    (tmp_path / "home").mkdir()
    team.settings.update(
        HOME=str(tmp_path / "home"),
        LUISY_REMOTE=f"s3://{s3_bucket}/team/store",
        CLOUD_ENDPOINT=s3_server.endpoint,
        CLOUD_ACCESS_KEY=s3_server.access_key,
        CLOUD_SECRET_KEY=s3_server.secret_key,
        AWS_EC2_METADATA_DISABLED="true",
    )
    team.give_raw_files("anna")
    return team


@pytest.fixture
def uploaded(in_s3):
    """The team after Anna ran everything and uploaded it."""
    done = in_s3.run(f"{RUN} --working-dir ../anna --upload --no-ask")
    assert done.code == 0, done.text
    assert done.computed == ["MultipliedFile", "FinalFile"]
    return in_s3


def objects(s3_server, bucket):
    found = s3_server.client().list_objects_v2(Bucket=bucket)["Contents"]
    return {item["Key"] for item in found}


def test_upload_puts_the_outputs_below_the_prefix(uploaded, s3_server, s3_bucket):
    found = objects(s3_server, s3_bucket)
    assert all(key.startswith("team/store/my_module/") for key in found)
    assert sum("/final/" in key for key in found) == 1


def test_download_on_another_machine_computes_nothing(uploaded):
    done = uploaded.run(f"{RUN} --working-dir ../ben --download --no-ask")
    assert done.code == 0, done.text
    assert done.computed == []
    (final,) = (name for name in uploaded.files("ben") if name.startswith("final/"))
    assert uploaded.content("ben", final) == uploaded.content("anna", final)


def test_changed_code_is_computed_and_uploaded_again(uploaded):
    uploaded.run(f"{RUN} --working-dir ../ben --download --no-ask")
    text = (uploaded.code / "my_module" / "tasks.py").read_text()
    changed = text.replace("table.reset_index()", "table.reset_index().head(3)")
    (uploaded.code / "my_module" / "tasks.py").write_text(changed)
    done = uploaded.run(f"{RUN} --working-dir ../ben --download --upload --no-ask")
    assert done.code == 0, done.text
    assert done.computed == ["FinalFile"]
    carla = uploaded.run(f"{RUN} --working-dir ../carla --download --no-ask")
    assert carla.computed == []


def test_second_upload_sends_nothing(uploaded, s3_server, s3_bucket):
    def state():
        found = s3_server.client().list_objects_v2(Bucket=s3_bucket)["Contents"]
        return {item["Key"]: (item["ETag"], item["LastModified"]) for item in found}

    before = state()
    done = uploaded.run(f"{RUN} --working-dir ../anna --upload --no-ask")
    assert done.code == 0, done.text
    assert state() == before


def test_output_damaged_in_the_bucket_is_computed_instead(uploaded, s3_server, s3_bucket):
    (key,) = (key for key in objects(s3_server, s3_bucket) if "/final/" in key)
    client = s3_server.client()
    size = client.head_object(Bucket=s3_bucket, Key=key)["ContentLength"]
    client.put_object(Bucket=s3_bucket, Key=key, Body=b"x" * size)
    done = uploaded.run(f"{RUN} --working-dir ../ben --download --no-ask")
    assert done.code == 0, done.text
    assert done.computed == ["FinalFile"]


def test_wrong_secret_is_one_line(in_s3):
    command = f"{RUN} --working-dir ../anna --upload --no-ask"
    done = in_s3.run(command, CLOUD_SECRET_KEY="entirely-wrong")
    assert done.code == 1
    assert "the secret key is wrong" in done.complaint
    assert "entirely-wrong" not in done.text


def test_luisy_m80_is_the_command_of_minus80(in_s3, s3_bucket):
    folder = in_s3.root / "home" / ".minus80" / "databases" / "Files.small"
    folder.mkdir(parents=True)
    (folder / "a").write_text("content")
    settings = {"CLOUD_BUCKET": s3_bucket}
    assert in_s3.run("luisy m80 cloud list", **settings).out == "Nothing here yet!\n"
    assert in_s3.run("luisy m80 cloud put small Files", **settings).code == 0
    for command in ("luisy m80", "minus80"):
        listed = in_s3.run(f"{command} cloud list --json", **settings)
        assert json.loads(listed.out) == {"Files": ["small"]}
