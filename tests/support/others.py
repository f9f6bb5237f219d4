"""Networks that others trained: they are not part of the project, and tests that need them skip."""

import os
from pathlib import Path

from tests.support.absent import absent

FOLDER = "SIGNFLIP_NETWORKS"


def foreign_network(*parts: str) -> Path:
    """A file of the folder that the environment variable names."""
    folder = os.environ.get(FOLDER)
    path = Path(folder or ".").joinpath(*parts)
    if folder is None or not path.is_file():
        raise absent("networks of others", f"a folder named by {FOLDER}")
    return path
