"""Who may use the server, and the headers on all that it sends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from earwitness.errors import SettingsError
from earwitness.server.download_names import clean_name, offer_download
from earwitness.server.security import HEADERS, Access
from running_server import RunningServer, is_problem

TOKEN = "a-token-that-is-long-enough"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_other_names_in_host_are_refused(host: str, server: RunningServer) -> None:
    response = server.client.get("/v1/health", headers={"Host": host})
    assert is_problem(response, 421, "wrong-host") or host == ""


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8765", "127.0.0.1", "[::1]:8765"])
def test_own_names_in_host_are_taken(host: str, server: RunningServer) -> None:
    assert server.client.get("/v1/health", headers={"Host": host}).status_code == 200


def test_two_lengths_of_a_body_are_refused_and_nothing_after_it_is_read(server: RunningServer) -> None:
    smuggled = b"0\r\n\r\nGET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    heading = b"POST /v1/recordings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
    answer = server.send_raw(heading + b"Transfer-Encoding: chunked\r\n\r\n" + smuggled)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://[bad"},
    ],
)
def test_writes_of_other_sites_are_refused(headers: dict[str, str], server: RunningServer, detected: str) -> None:
    for send in (
        lambda: server.upload(b"x", headers=headers),
        lambda: server.client.post(f"/v1/recordings/{detected}/ask", json={}, headers=headers),
        lambda: server.client.delete(f"/v1/recordings/{detected}", headers=headers),
    ):
        assert is_problem(send(), 403, "foreign-site")
    assert server.state(detected)["state"] == "done"


def test_the_own_page_may_write(server: RunningServer, detected: str) -> None:
    headers = {"Origin": server.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    response = server.client.post(f"/v1/recordings/{detected}/ask", json={"events": ["dog"]}, headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/openapi.json"),
        ("GET", "/assets/nothing.js"),
        ("GET", "/v1/health"),
        ("GET", "/v1/recordings/unknown"),
        ("GET", "/v1/words"),
        ("PUT", "/v1/health"),
        ("POST", "/v1/recordings"),
        ("GET", "/nowhere"),
    ],
)
def test_every_response_has_the_headers(method: str, path: str, server: RunningServer) -> None:
    response = server.client.request(method, path)
    for name, value in HEADERS.items():
        assert response.headers[name] == value
    if path.startswith("/v1/"):
        assert response.headers["cache-control"] == "no-store"
    assert "server" not in response.headers
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_failure_has_the_headers_and_tells_no_secret(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(server.service, "report_health", fail)
    response = server.client.get("/v1/health")
    assert is_problem(response, 500, "failed")
    assert "secret" not in response.text
    assert response.headers["content-security-policy"]


@pytest.mark.slow
def test_a_token_is_asked_for_where_others_can_connect(storage: Path, demo_wav: bytes) -> None:
    with RunningServer(storage, access=Access("0.0.0.0", TOKEN)) as server:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer é"}):
            raw = {name: value.encode("utf-8") for name, value in headers.items()}
            response = server.client.get("/v1/metrics", headers=raw)
            assert is_problem(response, 401, "token-needed")
            assert response.headers["www-authenticate"] == "Bearer"
            assert is_problem(server.upload(demo_wav, headers=raw), 401, "token-needed")
        assert server.client.get("/v1/health").status_code == 200
        assert server.client.get("/").status_code == 200
        server.client.headers["Authorization"] = f"Bearer {TOKEN}"
        assert server.client.get("/v1/metrics").status_code == 200
        assert server.analyse(demo_wav)["state"] == "done"
        assert server.client.get("/openapi.json").json()["security"] == [{"token": []}]


def test_another_address_needs_a_token() -> None:
    for host in ("0.0.0.0", "::", "192.168.0.7", "example.org"):
        with pytest.raises(SettingsError, match=re.escape(f"--host {host}") + ".*EARWITNESS_TOKEN"):
            Access(host)
    with pytest.raises(SettingsError, match="16 or more"):
        Access("0.0.0.0", "short")
    assert Access("::1").token is None


def test_names_given_are_known() -> None:
    access = Access("0.0.0.0", TOKEN, ("Sounds.example.org",))
    assert access.allows_host("sounds.example.org:443")
    assert not access.allows_host("evil.example")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("..", "recording"),
        ("a/..", "recording"),
        ("", "recording"),
        ("\x00\r\nSet-Cookie: x", "Set-Cookie: x"),
        ("\u202egnp.wav", "gnp.wav"),
        ("<script>alert(1)</script>.wav", "script>.wav"),
        ("x" * 500, "x" * 120),
    ],
)
def test_names_are_no_paths(given: str, name: str) -> None:
    assert clean_name(given) == name


def test_downloads_are_offered_under_safe_names() -> None:
    offered = offer_download('Straße "1"\r\n.wav', ".csv")
    assert offered == "attachment; filename=\"Stra_e_1.csv\"; filename*=UTF-8''Stra%C3%9Fe%20%221%22.csv"
    assert offered.isascii()
