"""The files that an attack writes: lines as they come, witnesses at the end."""

import io
import os
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from signflip.arrays import Floats
from signflip.cli.pictures import PLACE, SUFFIX, PictureFiles
from signflip.errors import SettingError
from signflip.files import write_bytes, writing
from signflip.many.plan import Plan
from signflip.many.record import Record

ARRAYS = ".npz"


class ResultFiles:
    """Writes records to a `.jsonl` file and witnesses to a `.npz` file or pictures, if wanted.

    A line is on the disk, whole, before the next attack is waited for: a killed process leaves
    complete lines, and pictures. A `.npz` file is written on leaving the context, also after
    Ctrl-C.

    Args:
        out: file of the records, or None.
        witnesses: file of the witnesses, `index` (N,) int64 and `images` (N, inputs) float64; or
            `NAME-{index}.png`, for `PictureFiles`; or None.
        plan: what is run.
        overwrite: whether files that exist are replaced.

    Raises:
        SettingError: a file exists already, cannot be written, is named twice, or has an ending
            that says another format; or pictures cannot hold the witnesses.
    """

    def __init__(
        self, out: Path | None, witnesses: Path | None, plan: Plan, *, overwrite: bool
    ) -> None:
        check_distinct(out=out, witnesses=witnesses)
        if witnesses is not None:
            _check_witnesses(witnesses)
        check = partial(check_writable, overwrite=overwrite)
        if out is not None:
            check(out)
        self._pictures: PictureFiles | None = None
        if witnesses is not None and witnesses.suffix.lower() == SUFFIX:
            self._pictures, witnesses = PictureFiles(witnesses, plan, check), None
        if witnesses is not None:
            check(witnesses)
        self._lines = None if out is None else _LineFile(out)
        self._witness_path = witnesses
        self._witnesses: dict[int, Floats] = {}

    def add(self, record: Record) -> None:
        """Store one answer."""
        if self._pictures is not None:
            self._pictures.add(record)
        if record.witness is not None:
            self._witnesses[record.image_index] = record.witness
        if self._lines is not None:
            self._lines.add(record.to_json())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._lines is not None:
            self._lines.close()
        if self._witness_path is not None and self._witnesses:
            with writing(self._witness_path):
                write_bytes(self._witness_path, self._packed())

    def _packed(self) -> bytes:
        index = sorted(self._witnesses)
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            index=np.array(index, dtype=np.int64),
            images=np.stack([self._witnesses[i] for i in index]),
        )
        return buffer.getvalue()


def _check_witnesses(path: Path) -> None:
    """Refuse a name that says another format than is written, or has braces that nothing fills.

    Raises:
        SettingError: it is such a name.
    """
    ending = path.suffix.lower()
    if ending not in (ARRAYS, SUFFIX):
        raise SettingError(
            f"--witnesses {path} ends neither in {ARRAYS} nor in {SUFFIX}, the formats of "
            f"witnesses; name {path.stem or 'witnesses'}{ARRAYS}, say"
        )
    rest = path.name.replace(PLACE, "") if ending == SUFFIX else path.name
    if "{" in rest or "}" in rest:
        mend = f"write {PLACE} for it" if ending == SUFFIX else "there is one file for all images"
        raise SettingError(
            f"--witnesses {path}: the braces in the name stand for nothing but an image's index "
            f"in that of a picture; {mend}"
        )


class _LineFile:
    """Complete lines only: a line is one write, and one that fails half-way is taken back.

    The file is made, or what it held is replaced, when the first line comes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = 0
        self._new = not path.exists()
        self._file: io.FileIO | None = None

    def add(self, line: str) -> None:
        data = line.encode() + b"\n"
        rest = memoryview(data)
        with writing(self._path):
            if self._file is None:
                self._file = self._path.open("wb", buffering=0)
            try:
                while rest:  # once, unless the disk is full
                    rest = rest[self._file.write(rest) :]
                os.fsync(self._file.fileno())
            except OSError:
                self._file.truncate(self._size)
                raise
        self._size += len(data)

    def close(self) -> None:
        if self._file is None:
            return
        self._file.close()
        if self._new and self._size == 0:  # no file in the way of the next try
            self._path.unlink()


def check_distinct(**paths: Path | None) -> None:
    """Refuse two options that name one file.

    Args:
        paths: option, without its dashes -> the file, or None.

    Raises:
        SettingError: two of them are one.
    """
    named: dict[Path, str] = {}
    for option, path in paths.items():
        if path is None:
            continue
        other = named.setdefault(path.resolve(), option)
        if other != option:
            raise SettingError(f"--{other} and --{option} both name {path}; name two files")


def check_network_name(path: Path) -> None:
    """Refuse a name that says another format than that of Signflip's network files.

    Raises:
        SettingError: it is such a name.
    """
    if path.suffix.lower() != ".safetensors":
        raise SettingError(
            f"{path} does not end in .safetensors, the format that is written; name "
            f"{path.stem}.safetensors, say, and `signflip convert` makes an ONNX file of it"
        )


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that cannot be written, before the work that it is for.

    Raises:
        SettingError: it exists and may not be overwritten, is no file, or its folder is missing or
            closed.
    """
    with writing(path):
        there = path.exists()
        if path.is_dir():
            raise SettingError(f"{path} is a folder; name a file")
        if there and not path.is_file():
            raise SettingError(f"{path} is a device or a pipe; name a file")
        if there and not overwrite:
            raise SettingError(f"{path} exists already; give --overwrite to replace it")
        folder = path.parent
        if not folder.is_dir():
            raise SettingError(f"{path} cannot be written: {folder} is no folder; make it first")
        for place in (folder, path) if there else (folder,):
            if not os.access(place, os.W_OK):
                raise SettingError(
                    f"{path} cannot be written: {place} does not let you; use another"
                )
