"""A real Kubernetes API server on loopback, with kine as its store; both built from their Go modules, once per machine.

It admits objects and keeps them. Nothing runs them: there is no node.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PROJECT = Path(__file__).resolve().parent.parent
sys.path.append(str(PROJECT / "tools"))
import gotool  # noqa: E402

_READY_SECONDS = 120


@dataclass(frozen=True)
class Cluster:
    """A running server.

    Attributes:
        kubeconfig: how kubectl and helm reach it, as its administrator.
        address: its base address.
        token: of the administrator.
        authority: the certificate that its own is checked against.
    """

    kubeconfig: Path
    address: str
    token: str
    authority: Path

    def helm(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run helm on it."""
        program = asyncio.run(gotool.ensure("helm"))
        return subprocess.run(
            [program, *arguments, "--kubeconfig", self.kubeconfig], capture_output=True, text=True, check=False
        )

    def get(self, path: str) -> dict:
        """One object or list of the API."""
        context = ssl.create_default_context(cafile=self.authority)
        answer = httpx.get(
            f"{self.address}{path}", headers={"Authorization": f"Bearer {self.token}"}, verify=context, timeout=20
        )
        return answer.raise_for_status().json()

    def names(self, path: str) -> set[str]:
        """The names of the objects of a list."""
        return {item["metadata"]["name"] for item in self.get(path)["items"]}


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A server for the time of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "accounts.key"
    key.write_bytes(
        rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    store, port = _free_port(), _free_port()
    kine = (
        *("--metrics-bind-address", "0", "--endpoint", f"sqlite://{folder}/db.sqlite"),
        *("--listen-address", f"tcp://127.0.0.1:{store}"),
    )
    server = (
        f"--etcd-servers=http://127.0.0.1:{store}", f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}", "--service-account-issuer=https://kubernetes.default.svc",
        f"--cert-dir={folder}/certificates", "--bind-address=127.0.0.1", f"--secure-port={port}",
        "--authorization-mode=RBAC", f"--token-auth-file={folder}/tokens.csv", "--service-cluster-ip-range=10.0.0.0/24",
        # Without controllers nobody makes the account `default` of a namespace.
        "--disable-admission-plugins=ServiceAccount",
    )  # fmt: skip
    with _running("kine", folder, *kine), _running("kube-apiserver", folder, *server) as process:
        found = _ready(folder, port, token, process)
        yield found


@contextmanager
def _running(name: str, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    program = asyncio.run(gotool.ensure(name))
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([program, *arguments], stdout=log, stderr=log, cwd=folder)
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


def _ready(folder: Path, port: int, token: str, process: subprocess.Popen[bytes]) -> Cluster:
    authority = folder / "certificates" / "apiserver.crt"
    address = f"https://127.0.0.1:{port}"
    deadline = time.monotonic() + _READY_SECONDS
    while not _answers(address, authority, token):
        log = folder / "kube-apiserver.log"
        assert process.poll() is None, f"it ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < deadline, f"it is not ready: {log.read_text()[-2000:]}"
        time.sleep(0.3)
    kubeconfig = folder / "kubeconfig"
    content = {
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": address, "certificate-authority": str(authority)}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
    }  # fmt: skip
    kubeconfig.write_text(yaml.safe_dump(content))
    kubeconfig.chmod(0o600)
    return Cluster(kubeconfig, address, token, authority)


def _answers(address: str, authority: Path, token: str) -> bool:
    try:
        context = ssl.create_default_context(cafile=authority)
        answer = httpx.get(f"{address}/readyz", headers={"Authorization": f"Bearer {token}"}, verify=context, timeout=2)
    except (httpx.HTTPError, OSError):
        return False
    return answer.is_success


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
