"""The packages of the extra `report`: asked for before a module that imports them."""

from importlib.util import find_spec

from signflip.errors import MissingExtraError


def need_report_extra(purpose: str, *packages: str) -> None:
    """Refuse to go on without the packages.

    Args:
        purpose: what needs them, for the message.
        packages: of the extra `report`.

    Raises:
        MissingExtraError: one is not installed.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtraError(package, "report", purpose)
