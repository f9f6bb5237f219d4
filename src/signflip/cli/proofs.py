"""What commands say of the proofs that they wrote."""

from collections.abc import Sequence
from pathlib import Path

from signflip.cli.console import remarks
from signflip.cli.output import writing
from signflip.many.record import Record


def make_folder(folder: Path | None) -> None:
    """Make the folder of the proofs, if there are to be any and it is not there.

    Raises:
        SettingError: it cannot be made.
    """
    if folder is not None:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)


def remark_on_proofs(records: Sequence[Record], folder: Path | None) -> None:
    """How many answers have a proof in the folder, and why the first that has none lacks it."""
    if folder is None:
        return
    lacking = [record for record in records if record.proof is None]
    line = f"{len(records) - len(lacking)} of {len(records)} answers have a proof in {folder}"
    if lacking:
        line += f"; image {lacking[0].image_index} has none: {lacking[0].remark}"
    remarks().print(line, soft_wrap=True)
