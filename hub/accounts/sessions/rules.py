"""Decisions about logins: how long a session lives, and who counts as the same guesser."""

import hashlib
import ipaddress

SESSION_DAYS = 7

ACCOUNT_FAILURES = 5
ADDRESS_FAILURES = 10
LOCK_SECONDS = 15 * 60
LONGEST_LOCK_SECONDS = 24 * 3_600

_IPV6_SITE = 64


def account_subject(email: str) -> str:
    """Under which failures of an e-mail address are counted, whether it has an account or not."""
    return f"account:{hashlib.sha256(email.lower().encode('utf-8', 'surrogatepass')).hexdigest()}"


def address_subject(address: str) -> str:
    """Under which failures of a sender are counted; in IPv6 one site has 2^64 addresses, and counts as one."""
    try:
        sender = ipaddress.ip_address(address)
    except ValueError:
        return f"address:{address}"
    if isinstance(sender, ipaddress.IPv6Address) and sender.ipv4_mapped is None:
        return f"address:{ipaddress.ip_network((sender, _IPV6_SITE), strict=False)}"
    return f"address:{getattr(sender, 'ipv4_mapped', None) or sender}"
