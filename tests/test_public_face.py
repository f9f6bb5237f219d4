"""What users script against: every public name, what it is, and how it is called.

`tests/public_face.txt` has it as text. Where a change is meant, this writes the file again:
`SIGNFLIP_PIN=1 .venv/bin/python -m pytest tests/test_public_face.py`. What differs then is to be
read, and is a line in CHANGELOG.md.
"""

import enum
import inspect
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path

FILE = Path(__file__).with_name("public_face.txt")
ROOMS = ("signflip", "signflip.methods", "signflip.programs")
"""Of what the first one names, the members belong to the face too."""


def call_of(value: object) -> str:
    """Parameters and their defaults; types are left out, since Pythons write them differently."""
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(value).parameters.values()  # type: ignore[arg-type]
    ]
    return str(inspect.Signature(parameters))


def members_of(kind: type) -> Iterator[str]:
    """The public members that a class has of its own, or of a base class of this library."""
    found: dict[str, object] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("signflip"):
            found |= dict.fromkeys(inspect.get_annotations(base)) | vars(base)
    for name, value in sorted(found.items()):
        if name.startswith("_"):
            continue
        match value:
            case classmethod() | staticmethod():
                yield f"{name}{call_of(getattr(kind, name))}  (of the class)"
            case property() | cached_property():
                yield f"{name}  (property)"
            case _ if inspect.isfunction(value):
                yield f"{name}{call_of(value)}"
            case _:
                yield name


def described(name: str, value: object, *, members: bool) -> Iterator[str]:
    """Lines that say what a public name is."""
    if isinstance(value, type):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        enumeration = issubclass(value, enum.Enum)
        protocol = getattr(value, "_is_protocol", False)
        call = "" if enumeration or protocol or issubclass(value, Exception) else call_of(value)
        yield f"class {name}{call}" + (f" is {bases}" if bases else "")
        if members or enumeration:
            yield from (f"    {member}" for member in members_of(value))
    elif isinstance(value, Mapping):
        yield f"{name} names {', '.join(map(str, value))}"
    elif callable(value):
        yield f"{name}{call_of(value)}"
    else:
        yield f"{name} is of {type(value).__name__}"


def face() -> str:
    """The public face as text."""
    lines: list[str] = []
    for room in ROOMS:
        module = import_module(room)
        lines += ["", f"# {room}"]
        for name in sorted(module.__all__):
            lines += described(name, getattr(module, name), members=room == ROOMS[0])
    return "\n".join(lines[1:]) + "\n"


def test_the_public_face_is_the_one_that_was_meant() -> None:
    if os.environ.get("SIGNFLIP_PIN"):
        FILE.write_text(face(), encoding="utf-8")
    assert face().splitlines() == FILE.read_text(encoding="utf-8").splitlines()
