"""A static site over TLS, certified by an authority of the test's own; asked for again, nothing is to do."""

from __future__ import annotations

import ssl
import subprocess
import urllib.request

from acceptance.process_runs import Happenings, ProcessRuns, asked, ended_well
from served import Served

MESSAGE = "Site {{ 6*7 }} of the acceptance"


def once(project: Served, number: int) -> Happenings:
    authority(project)
    name = f"site{number}"
    instance = start(project, name)
    approved = project.approve(instance)
    assert approved.returncode == 0, approved.stderr
    happenings = ended_well(project.watch(instance))
    assert len(asked(happenings)) <= 1, "the approval that was just given is the only one"
    assert MESSAGE in page_over_tls(project, f"local/{name}")
    return happenings


def again(project: Served, number: int) -> Happenings:
    stack = f"local/site{number}"
    before = project.data_of("stack", "show", stack)["record"]
    happenings = ended_well(project.watch(start(project, f"site{number}")))
    assert asked(happenings) == []
    after = project.data_of("stack", "show", stack)["record"]
    assert (after["last_apply"], after["outputs"]) == (before["last_apply"], before["outputs"])
    assert MESSAGE in page_over_tls(project, stack)
    return happenings


def start(project: Served, name: str) -> int:
    """Ask for a site with a certificate of the authority."""
    wanted = {"environment": "local", "name": name, "message": MESSAGE, "certificate": "own_ca"}
    variables = [word for key, value in wanted.items() for word in ("--var", f"{key}={value}")]
    return int(project.data_of("start", "StaticSite", "--as", "demo", *variables)["instance"])


def authority(project: Served) -> None:
    """Make the authority where the model's references point at, as the role's README says, once."""
    folder = project.folder / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    if (folder / "authority.key").exists():
        return
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
         "-subj", "/CN=Authority of the acceptance", "-addext", "basicConstraints=critical,CA:TRUE",
         "-addext", "keyUsage=critical,keyCertSign,cRLSign",
         "-keyout", str(folder / "authority.key"), "-out", str(folder / "authority.crt")],
        check=True, capture_output=True,
    )  # fmt: skip


def page_over_tls(project: Served, stack: str) -> str:
    """The page of the stack's machine, for a client that trusts the authority alone."""
    host = project.data_of("stack", "show", stack)["record"]["hosts"][0]
    trusted = ssl.create_default_context(cafile=str(project.folder / "secrets" / "authority.crt"))
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
    with urllib.request.build_opener(*handlers).open(f"https://{host['address']}/", timeout=10) as answer:
        return answer.read().decode()


RUNS = ProcessRuns("StaticSite", once, again)
