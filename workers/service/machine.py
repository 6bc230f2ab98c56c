"""What tools learn of the machine that they run on."""

from __future__ import annotations

import os

from workers.core.settings import Settings
from workers.setup import debian

HOST_IMAGE = "SLUIS_HOST_IMAGE"
HOSTS_FOLDER = "SLUIS_HOSTS_FOLDER"


def host_variables(settings: Settings) -> dict[str, str]:
    """What the module ``local_host`` reads from its environment: the image and the folder of its machines."""
    image = debian.host_image(settings)
    found = {HOSTS_FOLDER: os.environ.get(HOSTS_FOLDER) or str(settings.data_folder / "hosts")}
    if named := os.environ.get(HOST_IMAGE):
        found[HOST_IMAGE] = named
    elif image.exists() and not debian.missing():
        found[HOST_IMAGE] = str(image)
    return found
