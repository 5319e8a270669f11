"""The addresses that webhooks may have: every trick that leads somewhere private is refused."""

import ipaddress
from collections.abc import Sequence

import pytest

from reddit_mcp.watches.webhooks.address_check import AddressCheck, Refused, SystemResolver

PUBLIC = "93.184.215.14"
NAMES = {
    "hooks.example.com": [PUBLIC],
    "six.example.com": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "xn--bcher-kva.example": [PUBLIC],
    "private.example.com": ["10.0.0.7"],
    "mixed.example.com": [PUBLIC, "192.168.1.1"],
    "mapped.example.com": ["::ffff:169.254.169.254"],
    "localtest.example.com": ["127.0.0.1"],
    "zone.example.com": ["2606:2800::1%eth0"],
    "empty.example.com": [],
    "odd.example.com": ["not an address"],
    "localhost": ["127.0.0.1", "::1"],
}


async def resolve(host: str) -> Sequence[str]:
    if host not in NAMES:
        raise OSError(host)
    return NAMES[host]


ALLOWED = {
    "https://hooks.example.com/in?x=1#y": PUBLIC,
    "HTTPS://Hooks.EXAMPLE.com": PUBLIC,
    "https://hooks.example.com:443/": PUBLIC,
    "https://hooks.example.com:8443/": PUBLIC,
    "https://six.example.com/": NAMES["six.example.com"][0],
    "https://xn--bcher-kva.example/": PUBLIC,
    "https://93.184.215.14/": PUBLIC,
    "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/": NAMES["six.example.com"][0],
}


@pytest.mark.parametrize("url", ALLOWED)
async def test_a_public_address_is_pinned_to_its_ip(url: str) -> None:
    target = await AddressCheck(resolve).check(url)
    assert str(target.ips[0]) == ALLOWED[url]


REFUSED = {
    # not https
    "http://hooks.example.com/": "https://",
    "ftp://hooks.example.com/": "https://",
    "file:///etc/passwd": "https://",
    "gopher://hooks.example.com/": "https://",
    "//hooks.example.com/": "https://",
    "hooks.example.com": "https://",
    "": "visible ASCII",
    # no host, or not a full one
    "https://": "host name",
    "https:///path": "host name",
    "https://:443/": "host name",
    "https:/hooks.example.com/": "host name",
    "https://metadata/": "host name",
    "https://localhost/": "host name",
    "https://localhost./": "host name",
    "https://hooks.example.com./": "host name",
    "https://hooks..example.com/": "host name",
    "https://-hooks.example.com/": "host name",
    "https://hooks_1.example.com/": "host name",
    "https://exa%6dple.com/": "host name",
    "https://" + "a." * 130 + "com/": "host name",
    # who else is named
    "https://ada@hooks.example.com/": "user name",
    "https://ada:word@hooks.example.com/": "user name",
    "https://hooks.example.com:443@10.0.0.1/": "user name",
    # ports
    "https://hooks.example.com:22/": "port",
    "https://hooks.example.com:80/": "port",
    "https://hooks.example.com:0/": "port",
    "https://hooks.example.com:65536/": "port",
    "https://hooks.example.com:port/": "web address",
    # private names
    "https://metadata.google.internal/": "private network",
    "https://db.local/": "private network",
    "https://a.localhost/": "private network",
    "https://router.home.arpa/": "private network",
    # IPv4, in every spelling
    "https://127.0.0.1/": "public Internet",
    "https://127.255.255.254/": "public Internet",
    "https://10.1.2.3/": "public Internet",
    "https://172.31.0.1/": "public Internet",
    "https://192.168.0.1/": "public Internet",
    "https://169.254.169.254/latest/meta-data/": "public Internet",
    "https://100.64.0.1/": "public Internet",
    "https://100.100.100.200/": "public Internet",
    "https://168.63.129.16/": "public Internet",
    "https://192.0.0.192/": "public Internet",
    "https://192.0.2.1/": "public Internet",
    "https://192.88.99.1/": "public Internet",
    "https://198.18.0.1/": "public Internet",
    "https://0.0.0.0/": "public Internet",
    "https://224.0.0.1/": "public Internet",
    "https://240.0.0.1/": "public Internet",
    "https://255.255.255.255/": "public Internet",
    "https://2130706433/": "usual",
    "https://0x7f000001/": "usual",
    "https://017700000001/": "usual",
    "https://0x7f.0.0.1/": "usual",
    "https://127.0.0.0x1/": "usual",
    "https://127.1/": "usual",
    "https://127.0.1/": "usual",
    "https://1.2.3.4.5/": "usual",
    "https://hooks.example.1/": "usual",
    "https://0177.0.0.1/": "web address",
    "https://256.0.0.1/": "web address",
    # IPv6, and IPv4 inside it
    "https://[::]/": "public Internet",
    "https://[::1]/": "public Internet",
    "https://[0:0:0:0:0:0:0:1]/": "public Internet",
    "https://[::ffff:127.0.0.1]/": "public Internet",
    "https://[::ffff:7f00:1]/": "public Internet",
    "https://[::127.0.0.1]/": "public Internet",
    "https://[::ffff:0:7f00:1]/": "public Internet",
    "https://[64:ff9b::a9fe:a9fe]/": "public Internet",
    "https://[64:ff9b:1::a00:1]/": "public Internet",
    "https://[2002:7f00:1::]/": "public Internet",
    "https://[2001:0:7f00:1::]/": "public Internet",
    "https://[2001:db8::1]/": "public Internet",
    "https://[fc00::1]/": "public Internet",
    "https://[fd00:ec2::254]/": "public Internet",
    "https://[fe80::1]/": "public Internet",
    "https://[fe80::1%25eth0]/": "public Internet",
    "https://[2606:2800::1%25eth0]/": "public Internet",
    "https://[fec0::1]/": "public Internet",
    "https://[ff02::1]/": "public Internet",
    "https://[5f00::1]/": "public Internet",
    "https://[::1/": "web address",
    "https://[v1.x]/": "web address",
    # letters that are not what they look like
    "https://１２７.０.０.１/": "visible ASCII",
    "https://127。0。0。1/": "visible ASCII",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/": "visible ASCII",
    "https://bücher.example/": "visible ASCII",
    "https://xn--a/": "web address",
    "https://hooks.example.com\\@10.0.0.1/": "visible ASCII",
    "https://hooks.example.com/\r\nHost: x": "visible ASCII",
    "https://hooks.example.com/\t": "visible ASCII",
    " https://hooks.example.com/": "visible ASCII",
    "https://hooks.example.com/\x00": "visible ASCII",
    # names that lead there
    "https://private.example.com/": "public Internet",
    "https://mixed.example.com/": "public Internet",
    "https://mapped.example.com/": "public Internet",
    "https://localtest.example.com/": "public Internet",
    "https://zone.example.com/": "public Internet",
    "https://empty.example.com/": "does not resolve",
    "https://odd.example.com/": "does not resolve",
    "https://nowhere.example.com/": "does not resolve",
}


@pytest.mark.parametrize("url", REFUSED)
async def test_an_address_that_a_stranger_must_not_reach_is_refused(url: str) -> None:
    with pytest.raises(Refused, match=REFUSED[url]):
        await AddressCheck(resolve).check(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/", "http://localhost:8000/", "https://localhost:8443/", "http://[::1]:8000/"]
)
async def test_in_development_this_machine_may_be_called(url: str) -> None:
    assert (await AddressCheck(resolve, development=True).check(url)).ips[0].is_loopback


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/", "https://"),
        ("http://93.184.215.14:8000/", "https://"),
        ("http://mixed.example.com/", "https://"),
        ("https://10.0.0.1/", "public Internet"),
        ("https://169.254.169.254/", "public Internet"),
    ],
)
async def test_in_development_nothing_else_is_open(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        await AddressCheck(resolve, development=True).check(url)


async def test_a_name_that_leads_elsewhere_later_is_refused_then() -> None:
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def rebinding(_host: str) -> Sequence[str]:
        return answers.pop(0)

    addresses = AddressCheck(rebinding)
    assert [str(ip) for ip in (await addresses.check("https://hooks.example.com/")).ips] == [PUBLIC]
    with pytest.raises(Refused, match="public Internet"):
        await addresses.check("https://hooks.example.com/")


async def test_this_machines_resolver() -> None:
    resolver = SystemResolver()
    found = await resolver("localhost")
    assert all(ipaddress.ip_address(ip).is_loopback for ip in found)
    with pytest.raises(OSError, match=r"nown|resol"):
        await resolver("nowhere.invalid")
