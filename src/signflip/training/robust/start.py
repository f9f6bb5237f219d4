"""What a fine-tuning starts from: the best epoch that another run's checkpoint keeps."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from signflip.errors import SettingError
from signflip.training.checkpoint import read_checkpoint
from signflip.training.robust.module import RobustModule
from signflip.training.robust.settings import RobustSettings

LAYERS = ("convolutions", "hidden", "image_shape", "levels", "ternary", "vote")
"""Settings that two runs must share for one to go on with the other's network."""


def best_of(
    path: str | Path, settings: RobustSettings, *, inputs: int, classes: int
) -> RobustModule:
    """The network of a robust run's best epoch, to be trained on.

    Args:
        path: the run's checkpoint.
        settings: of the run that is to go on with it.
        inputs: pixels of an image of that run.
        classes: its classes.

    Raises:
        SettingError: there is no such file, it is no checkpoint of a robust run with a best epoch,
            or its network has other layers, or is for other images.
    """
    path = Path(path)
    if not path.is_file():
        raise SettingError(
            f"{str(path)!r} does not exist; name the checkpoint of a robust run to start from"
        )
    identity, state = read_checkpoint(path)
    best = state.get("best")
    if not best:
        raise SettingError(
            f"{str(path)!r} has no best epoch to start from: it is of a run without --robust, or "
            "of one that was ended before its ramps were"
        )
    found, own = _layers(identity), _layers(asdict(settings))
    differing = [name for name in LAYERS if found[name] != own[name]]
    if differing:
        details = ", ".join(f"{name} {found[name]!r}, not {own[name]!r}" for name in differing)
        raise SettingError(
            f"{str(path)!r} holds a network of other layers ({details}); give the settings that "
            "it was trained with"
        )
    module = RobustModule(settings, inputs=inputs, classes=classes)
    try:
        module.load_state_dict(best)
    except RuntimeError as error:
        raise SettingError(
            f"{str(path)!r} holds a network for other images than those of {inputs} pixels and "
            f"{classes} classes; start from one that was trained on such"
        ) from error
    return module


def _layers(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: settings.get(name) for name in LAYERS}
