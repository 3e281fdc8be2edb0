"""The settings: the file, the environment over it, and what is wrong with them."""

import stat

import pytest
from luisy_protocol.errors import ConfigurationError
from minus80.settings import load_settings


@pytest.fixture
def conf(home):
    return home / ".minus80.conf"


def test_load_when_there_is_no_file_makes_one_for_the_user_alone(conf, home):
    settings = load_settings()
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600
    assert settings.basedir == home / ".minus80"
    assert (settings.cloud.endpoint, settings.cloud.bucket) == (None, "minus80")
    assert load_settings() == settings


def test_load_of_a_file_gives_what_it_says(conf, tmp_path):
    conf.write_text(
        f"options:\n    basedir: {tmp_path}/data\ncloud:\n    endpoint: https://s3.example.org/\n"
        "    bucket: lab\n    access_key: 123\n    secret_key: very-secret\n    region: eu-1\n"
    )
    conf.chmod(0o600)
    settings = load_settings()
    assert settings.basedir == tmp_path / "data"
    assert settings.cloud.endpoint == "https://s3.example.org"
    assert (settings.cloud.bucket, settings.cloud.region) == ("lab", "eu-1")
    assert settings.cloud.access_key == "123"
    assert settings.cloud.secret_key.reveal() == "very-secret"
    assert "very-secret" not in repr(settings)


@pytest.mark.parametrize("unset", ["", "None", "null", "none"])
def test_load_of_unset_keys_leaves_them_to_aws(conf, unset):
    conf.write_text(f"cloud:\n    access_key: {unset}\n    secret_key: {unset}\n")
    assert load_settings().cloud.access_key is None


def test_environment_goes_before_the_file(conf, monkeypatch):
    conf.write_text("cloud:\n    endpoint: https://old.example.org\n    bucket: old\n")
    for name, value in {
        "ENDPOINT": "http://new.example.org:9000",
        "BUCKET": "new",
        "ACCESS_KEY": "key",
        "SECRET_KEY": "secret",
    }.items():
        monkeypatch.setenv(f"CLOUD_{name}", value)
    cloud = load_settings().cloud
    assert (cloud.endpoint, cloud.bucket) == ("http://new.example.org:9000", "new")
    assert (cloud.access_key, cloud.secret_key.reveal()) == ("key", "secret")


def test_load_of_a_secret_that_others_can_read_warns(conf, caplog):
    conf.write_text("cloud:\n    access_key: key\n    secret_key: very-secret\n")
    conf.chmod(0o644)
    load_settings()
    assert f"chmod 600 {conf}" in caplog.text
    assert "very-secret" not in caplog.text


def test_load_of_a_private_secret_does_not_warn(conf, caplog):
    conf.write_text("cloud:\n    access_key: key\n    secret_key: very-secret\n")
    conf.chmod(0o600)
    load_settings()
    assert not caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cloud: [", "is not valid YAML"),
        ("- a", "sections 'options' and 'cloud'"),
        ("cloud: here", "'cloud' in"),
        ("cloud:\n    access_key: key\n", "secret_key is missing"),
        ("cloud:\n    secret_key: very-secret\n", "access_key is missing"),
        ("cloud:\n    endpoint: s3.example.org\n", "not s3.example.org"),
        ("cloud:\n    endpoint: https://u:very-secret@s3.example.org\n", "credential"),
        ("cloud:\n    bucket: Not A Bucket\n", "'Not A Bucket' cannot be a bucket"),
        ("cloud:\n    bucket: [a]\n", "'bucket' in"),
        ("cloud:\n    secret_key: 'very-secret\n", "is not valid YAML"),
    ],
)
def test_load_of_what_is_wrong_says_where(conf, text, said):
    conf.write_text(text)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_settings()
    assert str(conf) in str(caught.value)
    assert "very-secret" not in str(caught.value)


def test_load_without_create_makes_no_file(conf):
    load_settings(create=False)
    assert not conf.exists()
