"""Access tokens: cached, renewed in time, once for all threads, and never shown."""

import base64
import json
import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import firecrest as fc
import pytest
from firecrest.testing import FixedToken, Reply, Server
from firecrest.token import claims_of, user_of
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol.errors import AccessDenied, ConfigurationError, LuisyError


def jwt(claims):
    text = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"head.{text}.signature"


def tokens(lifetime):
    count = iter(range(100))
    return Server(
        lambda received: Reply(json={"access_token": f"t{next(count)}", "expires_in": lifetime})
    )


def test_token_is_kept_while_it_is_valid():
    with tokens(300) as server:
        auth = fc.ClientCredentialsAuth("id", "secret", server.url)
        assert [auth.get_access_token() for _ in range(3)] == ["t0"] * 3
        assert len(server.received) == 1
        assert server.received[0].form == {
            "grant_type": "client_credentials",
            "client_id": "id",
            "client_secret": "secret",
        }


def test_token_that_is_about_to_expire_is_renewed():
    with tokens(9) as server:
        auth = fc.ClientCredentialsAuth("id", "secret", server.url, min_token_validity=10)
        assert [auth.get_access_token() for _ in range(2)] == ["t0", "t1"]


def test_threads_share_one_renewal():
    barrier = threading.Barrier(8)
    with tokens(300) as server:
        auth = fc.ClientCredentialsAuth("id", "secret", server.url)

        def ask(_):
            barrier.wait()
            return auth.get_access_token()

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(8))) == {"t0"}
        assert len(server.received) == 1


def test_client_secret_basic_sends_no_secret_in_the_form():
    with tokens(300) as server:
        auth = fc.ClientCredentialsAuth(
            "id", "secret", server.url, client_auth_method="client_secret_basic"
        )
        auth.get_access_token()
        (received,) = server.received
    assert received.form == {"grant_type": "client_credentials"}
    assert received.headers["authorization"].startswith("Basic ")


def test_netrc_adds_nothing_to_the_form(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with tokens(300) as server:
        fc.ClientCredentialsAuth("id", "secret", server.url).get_access_token()
    assert "authorization" not in server.received[0].headers


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match="client_secret_basic"):
        fc.ClientCredentialsAuth("id", "secret", "http://x", client_auth_method="jwt")


def test_refused_credentials_are_told_without_the_secret(caplog):
    answer = Reply(401, json={"error": "invalid_client"})
    with Server(lambda received: answer) as server, caplog.at_level(logging.DEBUG):
        auth = fc.ClientCredentialsAuth("me", "s3cr3t", server.url)
        with pytest.raises(fc.ClientsCredentialsException, match="invalid_client") as caught:
            auth.get_access_token()
    assert isinstance(caught.value, AccessDenied)
    assert caught.value.responses[0].status_code == 401
    assert "s3cr3t" not in f"{caught.value}{auth!r}{caplog.text}"


def test_answer_without_a_token_is_told():
    with Server(lambda received: Reply(json={})) as server:
        auth = fc.ClientCredentialsAuth("me", "secret", server.url)
        with pytest.raises(fc.ClientsCredentialsException, match="without an access token"):
            auth.get_access_token()


def test_unreachable_authorization_server_is_told():
    auth = fc.ClientCredentialsAuth("me", "secret", "http://127.0.0.1:9/token")
    with pytest.raises(LuisyError, match=r"no answer from http://127.0.0.1:9/token"):
        auth.get_access_token()


def test_token_url_that_is_none_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="the token URL must start with https://"):
        fc.ClientCredentialsAuth("me", "secret", "auth.example/token")


@pytest.mark.parametrize("status", [429, 503])
def test_busy_authorization_server_is_asked_again_whatever_the_token_is_for(run, status):
    replies = [Reply(status), Reply(json={"access_token": "t", "expires_in": None})]
    with Server(lambda r: replies.pop(0)) as login, Server(lambda r: Reply(201, json={})) as server:
        auth = fc.ClientCredentialsAuth("me", "secret", login.url)
        run(server.url, auth, lambda c: c.copy("cluster", "/a", "/b"))
        assert [r.headers["authorization"] for r in server.received] == ["Bearer t"]


def test_authorization_server_that_stays_busy_is_told(run):
    with Server(lambda r: Reply(503)) as login:
        auth = fc.ClientCredentialsAuth("me", "secret", login.url)
        with pytest.raises(fc.ClientsCredentialsException, match=r"\(HTTP 503\)$"):
            run(login.url, auth, lambda c: c.all_systems(), num_retries=1)
        assert len(login.received) == 2


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "s3cr3t\u2026"])
def test_what_is_no_token_is_refused_and_not_repeated(run, token):
    with pytest.raises(ConfigurationError, match="no access token") as caught:
        run("http://127.0.0.1:9", FixedToken(token), lambda c: c.all_systems())
    assert caught.value.__cause__ is None
    assert not token or token not in str(caught.value)


def test_token_command_that_prints_an_opaque_token_runs_each_time(tmp_path):
    auth = fc.TokenCommandAuth(f"echo x >> {tmp_path}/ran; echo token")
    assert [auth.get_access_token() for _ in range(2)] == ["token"] * 2
    assert (tmp_path / "ran").read_text() == "x\nx\n"


def test_token_command_that_prints_a_lasting_token_runs_once(tmp_path):
    token = jwt({"exp": time.time() + 300})
    auth = fc.TokenCommandAuth(f"echo x >> {tmp_path}/ran; echo {token}")
    assert [auth.get_access_token() for _ in range(2)] == [token] * 2
    assert (tmp_path / "ran").read_text() == "x\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [("echo no >&2; exit 3", "exit code 3: no"), ("true", "printed none")],
)
def test_token_command_that_fails_is_a_runtime_error(command, words):
    with pytest.raises(RuntimeError, match=words) as caught:
        fc.TokenCommandAuth(command).get_access_token()
    assert isinstance(caught.value, AccessDenied)


def test_token_command_reads_the_shell(tmp_path):
    command = f"{sys.executable} -c 'print(\"a b\")' | tr -d ' '"
    assert fc.TokenCommandAuth(command).get_access_token() == "ab"


@given(st.text())
def test_claims_of_anything_are_a_dict(text):
    assert isinstance(claims_of(text), dict)


@given(
    st.dictionaries(
        st.sampled_from(["realm_access", "resource_access", "clientId", "preferred_username"]),
        st.recursive(
            st.none() | st.text() | st.integers(),
            lambda c: st.lists(c) | st.dictionaries(st.text(), c),
        ),
    )
)
def test_user_of_any_claims_is_a_name_or_none(claims):
    user = user_of(jwt(claims), "firecrest-sa")
    assert user is None or isinstance(user, str)


def test_user_of_a_service_account_is_the_role_of_its_client():
    claims = {
        "realm_access": {"roles": ["firecrest-sa"]},
        "clientId": "c",
        "resource_access": {"c": {"roles": ["robot"]}},
        "preferred_username": "someone",
    }
    assert user_of(jwt(claims), "firecrest-sa") == "robot"
    assert user_of(jwt(claims), "other-role") == "someone"
