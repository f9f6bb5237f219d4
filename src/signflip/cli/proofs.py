"""What commands say of the proofs that they wrote."""

import os
from collections.abc import Sequence
from pathlib import Path

from signflip.cli.console import remarks
from signflip.errors import SettingError
from signflip.files import is_file, writing
from signflip.many.record import Record


def make_folder(folder: Path | None) -> None:
    """Make the folder of the proofs, if there are to be any and it is not there.

    Raises:
        SettingError: it cannot be made, or no file can be made in it.
    """
    if folder is not None:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise SettingError(f"no proof can be written: {folder} does not let you; use another")


def remark_on_proofs(records: Sequence[Record], folder: Path | None) -> None:
    """How many answers have a proof in the folder, and why the first that has none lacks it."""
    if folder is None:
        return
    lacking = [(record, lack) for record in records if (lack := _lack(record, folder))]
    line = f"{len(records) - len(lacking)} of {len(records)} answers have a proof in {folder}"
    if lacking:
        record, lack = lacking[0]
        line += f"; image {record.image_index} has none: {lack}"
    remarks().print(line, soft_wrap=True)


def _lack(record: Record, folder: Path) -> str:
    """Why an answer has no proof in the folder; empty if it has one."""
    if record.proof is None:
        return record.remark or "it was run again for its proof, and not decided in that time"
    return "" if is_file(folder / record.proof) else f"the file {record.proof} is not there"
