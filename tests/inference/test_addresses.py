"""Which addresses a remote model may have."""

from ipaddress import ip_address

import pytest

from inference.addresses import is_allowed

PUBLIC = ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "::ffff:127.0.0.1",
    "64:ff9b::a00:1", "2002:a00:1::",
]  # fmt: skip
NEVER = [
    "169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "224.0.0.1", "ff02::1",
    "0.0.0.0", "::", "::ffff:0.0.0.0",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(ip_address(address), private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_ones_are_if_the_operator_says_so(address: str) -> None:
    assert [is_allowed(ip_address(address), private=word) for word in (False, True)] == [False, True]


@pytest.mark.parametrize("address", NEVER)
def test_some_never_are(address: str) -> None:
    assert not is_allowed(ip_address(address), private=True)
