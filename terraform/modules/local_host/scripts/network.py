"""The machine's own address: a pair of virtual links, and NAT so that it reaches package mirrors."""

import contextlib
import ipaddress
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records import HostError, locked

# Beside the lock lies the former value of ip_forward, given back when the last machine is gone. A folder of the whole
# host and not of one data folder, because addresses and forwarding belong to the host.
SHARED = Path("/run/sluis-local-host")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
PREFIX = "slh"


@dataclass(frozen=True)
class Net:
    """A /30: the host's end, the machine's end, and the name of the host's link."""

    network: ipaddress.IPv4Network

    @property
    def gateway(self) -> str:
        """The host's end."""
        return str(self.network[1])

    @property
    def address(self) -> str:
        """The machine's end."""
        return str(self.network[2])

    @property
    def link(self) -> str:
        """The host's link, named by the address so that it is unique on the host (at most 15 characters)."""
        return f"{PREFIX}{int(self.network[1]):08x}"


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """One change of the host's network at a time."""
    with locked(SHARED / "lock"):
        yield


def allocate(subnet: str) -> Net:
    """The first /30 of the range that meets no address of the host and no route into the range.

    A route that covers the whole range (a company's 10.0.0.0/8, say) is no hindrance: the /30 is more exact and wins.

    Raises:
        HostError: The range is used up.
    """
    whole = ipaddress.IPv4Network(subnet, strict=False)
    used = [*_addresses(), *(route for route in _routes() if route.prefixlen > whole.prefixlen)]
    for network in whole.subnets(new_prefix=30):
        if not any(network.overlaps(other) for other in used):
            return Net(network)
    raise HostError(f"subnet {subnet}: no free /30 is left; destroy a machine or take a larger range")


def connect(net: Net, pid: int) -> str:
    """Give the process's network namespace its address and a way out; returns the kind of network."""
    inside = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip"]
    _run("ip", "link", "add", net.link, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _run("ip", "address", "add", f"{net.gateway}/30", "dev", net.link)
    _run("ip", "link", "set", net.link, "up")
    _run(*inside, "link", "set", "lo", "up")
    _run(*inside, "address", "add", f"{net.address}/30", "dev", "eth0")
    _run(*inside, "link", "set", "eth0", "up")
    _run(*inside, "route", "add", "default", "via", net.gateway)
    return "nat" if _open_way_out(net) else "host-only"


def disconnect(link: str) -> None:
    """Take away the link and its rules; give the host its former forwarding back after the last one."""
    for table, *rule in _rules(link):
        while _succeeds("iptables", "-w", "-t", table, "-D", *rule):
            pass
    _succeeds("ip", "link", "delete", link)
    former = SHARED / "ip_forward"
    if not _links() and former.exists():
        FORWARDING.write_text(former.read_text())
        former.unlink()
    if not _links():
        (SHARED / "lock").unlink()
        with contextlib.suppress(OSError):  # the next one may have taken a lock there already
            SHARED.rmdir()


def _open_way_out(net: Net) -> bool:
    if not shutil.which("iptables"):
        return False
    for table, *rule in _rules(net.link):
        _run("iptables", "-w", "-t", table, "-I", *rule)
    former = SHARED / "ip_forward"
    if not former.exists() and FORWARDING.read_text().strip() == "0":
        former.write_text("0\n")
        FORWARDING.write_text("1\n")
    return True


def _rules(link: str) -> list[list[str]]:
    """The rules of a link; its name says the address, so that they can be removed without any record."""
    network = ipaddress.IPv4Network((int(link.removeprefix(PREFIX), 16) & ~3, 30))
    comment = ["-m", "comment", "--comment", f"sluis local_host {link}"]
    answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
    return [
        ["nat", "POSTROUTING", "-s", str(network), "!", "-o", link, *comment, "-j", "MASQUERADE"],
        ["filter", "FORWARD", "-i", link, *comment, "-j", "ACCEPT"],
        ["filter", "FORWARD", "-o", link, *answers, *comment, "-j", "ACCEPT"],
    ]


def _links() -> list[str]:
    return [entry["ifname"] for entry in _ip("link", "show") if entry["ifname"].startswith(PREFIX)]


def _addresses() -> list[ipaddress.IPv4Network]:
    found = [info for entry in _ip("-4", "address", "show") for info in entry["addr_info"]]
    return [ipaddress.IPv4Network(info["local"]) for info in found]


def _routes() -> list[ipaddress.IPv4Network]:
    destinations = [entry["dst"] for entry in _ip("-4", "route", "show")]
    return [ipaddress.IPv4Network(destination) for destination in destinations if destination != "default"]


def _ip(*arguments: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(_run("ip", "-json", *arguments) or "[]")
    return entries


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_clean())
    if done.returncode:
        raise HostError(f"{' '.join(command)}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout


def _succeeds(*command: str) -> bool:
    return (
        shutil.which(command[0]) is not None
        and not subprocess.run(command, capture_output=True, check=False, env=_clean()).returncode
    )


def _clean() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
