"""Checkpoints of a training run: written whole or not at all, and tied to their run."""

import io
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from signflip.errors import SettingError
from signflip.files import write_bytes, writing

Identity = Mapping[str, Any]
State = dict[str, Any]


def save_checkpoint(path: str | Path, identity: Identity, state: State) -> None:
    """Replace the file at `path` in one step: a reader sees the old checkpoint or the new one.

    Args:
        path: the file; its directory must exist.
        identity: what makes the run this run (settings and data), of plain values.
        state: tensors and plain values.

    Raises:
        SettingError: the file cannot be written.
    """
    path = Path(path)
    buffer = io.BytesIO()
    torch.save({"identity": dict(identity), "state": state}, buffer)
    with writing(path):
        write_bytes(path, buffer.getvalue())


def check_replaceable(path: str | Path) -> None:
    """Refuse to replace a file that is no checkpoint, whatever it is.

    Raises:
        SettingError: there is such a file.
    """
    path = Path(path)
    if path.exists():
        try:
            _read(path)
        except _NOT_READ as error:
            raise SettingError(
                f"{str(path)!r} exists and is no checkpoint, so it is not replaced: name another "
                "file for the checkpoint"
            ) from error


def load_checkpoint(path: str | Path, identity: Identity) -> State:
    """The state saved at `path` by the run that `identity` describes.

    Raises:
        SettingError: there is no such file, it is damaged, or it is of another run.
    """
    path = Path(path)
    if not path.is_file():
        raise SettingError(
            f"checkpoint {str(path)!r} does not exist, so there is nothing to resume: leave out "
            "resume, or correct the path"
        )
    found, state = read_checkpoint(path)
    differing = sorted(key for key in identity if found.get(key) != identity[key])
    if differing:
        details = ", ".join(f"{key} {found.get(key)!r}, not {identity[key]!r}" for key in differing)
        raise SettingError(
            f"checkpoint {str(path)!r} is of another run ({details}): resume with the settings "
            "and images it was started with"
        )
    return state


def read_checkpoint(path: Path) -> tuple[Mapping[str, Any], State]:
    """What makes the run of a checkpoint, and the state that was saved.

    Raises:
        SettingError: it is damaged.
    """
    try:
        return _read(path)
    except _NOT_READ as error:
        raise SettingError(
            f"checkpoint {str(path)!r} is damaged or no checkpoint: name another, or start again "
            "without it"
        ) from error


_NOT_READ = (
    *(RuntimeError, pickle.UnpicklingError, EOFError, LookupError, TypeError),
    *(ValueError, AttributeError, OSError, zipfile.BadZipFile, NotImplementedError, zlib.error),
)
"""What torch raises for a file that it did not write, or that was damaged since."""


def _read(path: Path) -> tuple[dict[str, Any], State]:
    # PyTorch writes a checksum of each part and reads none: a flipped bit would go on in a weight
    with zipfile.ZipFile(path) as parts:
        damaged = parts.testzip()
    if damaged is not None:
        raise ValueError(f"{damaged} has another checksum")
    saved = torch.load(path, map_location="cpu", weights_only=True)
    return dict(saved["identity"]), dict(saved["state"])
