import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from reddit_mcp.http.middleware.client_address import anonymous_id, client_address
from reddit_mcp.settings import Settings


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode("latin-1", "replace")) for value in forwarded]
    return {"type": "http", "client": None if peer is None else (peer, 1234), "headers": headers}


PROXIES = settings(trusted_proxies="10.0.0.0/8, fd00::/8 ,192.0.2.7/32").trusted_networks


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),  # no proxy of ours: its word is nothing
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # the left one, the client has written itself
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1, 192.0.2.7, 10.2.3.4"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1", "10.2.3.4"], "198.51.100.1"),  # several headers are one list
        ("10.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),  # proxies all the way
        ("10.0.0.1", ["6.6.6.6, unknown, 10.2.2.2"], "10.2.2.2"),  # nobody vouches for what is left of a gap
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]"], "2001:db8:1:2::/64"),
        ("fd00::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("fe80::1%eth0", [], "fe80::/64"),
        (None, ["198.51.100.1"], "unknown"),
        ("/run/socket", ["198.51.100.1"], "unknown"),
    ],
)
def test_the_client_is_the_rightmost_hop_that_is_no_proxy(peer: str | None, forwarded: list[str], client: str) -> None:
    assert client_address(scope(peer, *forwarded), PROXIES) == client


def test_without_trusted_proxies_nothing_is_believed() -> None:
    assert client_address(scope("127.0.0.1", "198.51.100.1"), settings().trusted_networks) == "127.0.0.1"


@given(st.text(), st.lists(st.text(), max_size=3))
def test_no_header_breaks_it(peer: str, forwarded: list[str]) -> None:
    assert client_address(scope(peer, *forwarded), PROXIES)
    assert client_address(scope("10.0.0.1", *forwarded), PROXIES)


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_a_network_of_64_bits_is_one_client(address: ipaddress.IPv6Address, host: int) -> None:
    if address.ipv4_mapped:
        return
    neighbour = ipaddress.IPv6Address(int(address) >> 64 << 64 | host)
    if not neighbour.ipv4_mapped:
        assert client_address(scope(str(address)), ()) == client_address(scope(str(neighbour)), ())


def test_an_anonymous_id_shows_no_address_and_needs_the_secret() -> None:
    ids = {anonymous_id(address, secret) for address in ("192.0.2.1", "192.0.2.2") for secret in (b"a", b"b")}
    assert len(ids) == 4
    assert anonymous_id("192.0.2.1", b"a") in ids
    assert not any("192" in found for found in ids)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "proxy.example", "10.0.0.1/8"])
def test_what_is_no_network_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(trusted_proxies=text)
    assert caught.value.errors()[0]["loc"] == ("trusted_proxies",)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "0.0.0.0", "::", "example.org", "", "10.0.0.2"]
)
def test_strangers_are_kept_out_of_all_but_loopback_by_default(host: str) -> None:
    loopback = host.startswith("127.") or host in ("::1", "localhost")
    assert settings(mcp_server_host=host).on_loopback is loopback
    assert settings(mcp_server_host=host).authentication == ("none" if loopback else "api_key")
    assert settings(mcp_server_host=host, auth_mode="api_key").authentication == "api_key"
