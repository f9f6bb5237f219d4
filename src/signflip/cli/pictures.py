"""Witnesses as PNG files: 8-bit images, written as they are, one for each."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from signflip.errors import SettingError
from signflip.files import write_bytes, writing
from signflip.many.plan import Plan
from signflip.many.record import Record
from signflip.problem.grids import Levels

SUFFIX = ".png"
PLACE = "{index}"
"""In the name of the files: where the image's index stands."""


class PictureFiles:
    """Writes witnesses of one network as PNG files, each as it comes.

    Args:
        pattern: the files' name, with `{index}` in it unless there is one image only.
        plan: what is run.
        check: refuses a file that cannot be written.

    Raises:
        SettingError: the witnesses are no 8-bit images, or of no shape that a picture has; there is
            one name for several files; or a file cannot be written.
    """

    def __init__(self, pattern: Path, plan: Plan, check: Callable[[Path], None]) -> None:
        tasks = plan.tasks()
        self._pattern = pattern
        network = plan.networks[tasks[0].case.network]
        grid = tasks[0].problem(network).region.grid
        if not (isinstance(grid, Levels) and grid.levels == 255):
            raise SettingError(
                f"--witnesses {pattern}: a PNG file holds 8-bit images, and the witnesses are "
                "none; give --grid 8bit, so that what is written flips"
            )
        self._grid = grid
        *channels, self._height, self._width = (1, *network.image_shape)
        self._channels = int(np.prod(channels))
        if self._channels not in (1, 3):
            raise SettingError(
                f"--witnesses {pattern}: the images have the shape {network.image_shape}; pictures "
                "have one channel, or three: write a .npz file"
            )
        if PLACE not in pattern.name and len(tasks) > 1:
            raise SettingError(
                f"--witnesses {pattern} is one file, and {len(tasks)} images are attacked; name "
                f"one for each: witness-{PLACE}{SUFFIX}"
            )
        for task in tasks:
            check(self._path(task.case.index))

    def add(self, record: Record) -> None:
        """Write the witness of a record, if there is one."""
        if record.witness is None:
            return
        from PIL import Image  # few commands write pictures, and all would wait for the import

        level = np.rint(self._grid.level(record.witness)).astype(np.uint8)
        pixels = level.reshape(self._channels, self._height, self._width)
        picture = Image.fromarray(pixels[0] if self._channels == 1 else np.moveaxis(pixels, 0, -1))
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        path = self._path(record.image_index)
        with writing(path):
            write_bytes(path, buffer.getvalue())

    def _path(self, index: int) -> Path:
        return self._pattern.with_name(self._pattern.name.replace(PLACE, str(index)))
