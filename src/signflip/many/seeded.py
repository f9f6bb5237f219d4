"""Methods as users name them: by name, settings, a seed, and perhaps a warm start."""

from collections.abc import Mapping

from signflip.attack import Method
from signflip.many.notation import WarmStart
from signflip.methods import make_method, method_settings
from signflip.methods.warm_start import WarmStarted


def seeded_method(
    name: str, settings: Mapping[str, object], seed: int, warm_start: WarmStart | None
) -> Method:
    """The method called `name`, with `seed` if it makes random choices, as its warm start has.

    Args:
        name: name in `METHODS`.
        settings: settings by name; a seed among them counts for the method itself.
        seed: the seed.
        warm_start: what to begin with, or None.

    Raises:
        SettingError: no method has that name, it lacks a setting, or a value is out of range.
    """
    method = make_method(name, {**_seed(name, seed), **settings})
    if warm_start is None:
        return method
    first = make_method(warm_start.method, _seed(warm_start.method, seed))
    return WarmStarted(first=first, seconds=warm_start.seconds, then=method)


def _seed(name: str, seed: int) -> dict[str, object]:
    return {"seed": seed} if "seed" in method_settings(name) else {}
