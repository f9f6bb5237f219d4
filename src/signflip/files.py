"""Files that are written whole or not at all, or looked for."""

import os
import secrets
from pathlib import Path


def is_file(path: str | Path) -> bool:
    """Whether there is such a file; not if its name is none, or its folder is closed."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` such that a killed process leaves the old file or the new one."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
