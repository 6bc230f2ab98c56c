"""Start a process over the REST API of a Sluis worker; a step of GitHub Actions, see action.yml beside this file.

Everything comes in by environment variables, so that nothing of it is ever a part of a command. Python's own library
only.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SECONDS = 60


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that was given, and nowhere else."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow none."""


def request_of(given: Mapping[str, str]) -> urllib.request.Request:
    """The request, from the step's inputs.

    Raises:
        ValueError: one of them cannot be used; the message says which.
    """
    url, process = given["SLUIS_URL"].rstrip("/"), given["SLUIS_PROCESS"]
    if not re.match(r"https://|http://(localhost|127\.0\.0\.1)(:\d+)?(/|\Z)", url):
        raise ValueError("'url' must begin with https://, since the token travels with the request.")
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", process):
        raise ValueError("'process' is no id of a process.")
    try:
        variables = json.loads(given["SLUIS_VARIABLES"])
    except ValueError as error:
        raise ValueError(f"'variables' is no JSON: {error}.") from error
    if not isinstance(variables, dict):
        raise ValueError("'variables' must be a JSON object.")  # noqa: TRY004 - what the step says is its message
    headers = {"Authorization": f"Bearer {given['SLUIS_TOKEN'].strip()}", "Content-Type": "application/json"}
    body = json.dumps({"variables": variables}).encode()
    return urllib.request.Request(f"{url}/api/processes/{process}", body, headers)  # noqa: S310 - checked above


def start(request: urllib.request.Request) -> Any:
    """What the worker answers.

    Raises:
        ValueError: it did not start the process; the message says why.
    """
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        reason = error.read(2000).decode("utf-8", "replace")
        raise ValueError(f"The process was not started: {error.code} {reason}") from error
    except (urllib.error.URLError, TimeoutError) as error:
        raise ValueError(f"No answer from {request.host}: {error}.") from error


def main() -> int:
    """Start, and say what came of it as the runner reads it."""
    try:
        started = start(request_of(os.environ))
    except ValueError as error:
        text = str(error).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::error::{text}")
        return 1
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"instance={int(started['instance'])}\noperate={str(started['operate']).splitlines()[0]}\n")
    print(f"Started {started['process']}: {started['operate']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
