"""The packages of extras: asked for before a module that imports them."""

from importlib.util import find_spec

from signflip.errors import MissingExtraError


def need(package: str, extra: str, purpose: str) -> None:
    """Refuse to go on without a package.

    Args:
        package: the name it is imported by.
        extra: of Signflip, which installs it.
        purpose: what needs it, for the message.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        missing = find_spec(package) is None
    except ValueError:  # a module without a spec, or None: switched off in this process
        missing = True
    if missing:
        raise MissingExtraError(package, extra, purpose)
