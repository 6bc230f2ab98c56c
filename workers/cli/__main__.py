"""``python -m workers.cli`` is ``sluis``."""

from workers.cli.main import run

run()
