import copy
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signflip import save_network
from signflip.errors import GridError, MissingExtraError
from signflip.many.grid import read_plan
from signflip.methods import Exact, Fgsm, IProp, Milp
from signflip.methods.search_goal import SearchGoal
from signflip.methods.step_size import AdaptiveStep, ConstantStep
from signflip.methods.warm_start import WarmStarted
from signflip.problem import Target, Untargeted
from signflip.programs import Scip
from tests.support.sweeps import NETWORK
from tests.support.tiny import CLASSES, INPUTS

GRIDS = Path(__file__).parents[2] / "grids"
Content = dict[str, Any]
Write = Callable[[Content], Path]

GRID = """
title = "all that there is"
time_limit = 20
seed = 3

[methods.exact]
goal = "optimise"
threads = 2
time_limit = 7.5

[methods.fgsm]

[methods.strong]
method = "fgsm"
width = 0.3
restarts = "none"
seed = 9

[methods.milp]
solver = "scip"

[methods.iprop]
step = { share = 0.1, patience = 3 }
cutoff = 2

[methods.warm]
method = "iprop"
step = 5
warm_start = "fgsm:0.5"

[[problems]]
networks = ["mnist-2x100", "net.safetensors"]
images = "noise.npz"
index = "1:4"
epsilons = [0.01, "2/255", 0]

[[problems]]
networks = ["mnist-2x100"]
images = "mnist-sample"
index = 7
epsilons = [1]
target = "untargeted"
methods = ["exact", "fgsm"]

[[problems]]
networks = ["net.safetensors"]
images = "small.npz"
epsilons = [0.5]
target = 2
methods = ["warm"]
"""

SMALL: Content = {
    "methods": {"fgsm": {}, "iprop": {}},
    "problems": [{"networks": ["net.safetensors"], "images": "small.npz", "epsilons": [0.1]}],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, not the working one, with a network and images."""
    save_network(NETWORK, tmp_path / "net.safetensors")
    rng = np.random.default_rng(7)
    labels = rng.integers(0, CLASSES, 8)
    np.savez(tmp_path / "small.npz", images=rng.random((8, INPUTS)), labels=labels)
    np.savez(tmp_path / "noise.npz", images=rng.random((8, 784)), labels=labels)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Write:
    """Writes a grid file."""

    def to_file(content: Content) -> Path:
        path = folder / "grid.toml"
        path.write_text(toml(content))
        return path

    return to_file


def toml(content: Content) -> str:
    """The content as TOML: every value that these tests use is the same in JSON, but for tables."""
    lines = [f"{key} = {inline(value)}" for key, value in content.items()]
    return "\n".join(lines)


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return json.dumps(value)


def changed(place: str, value: Any) -> Content:
    """`SMALL` with another value at a place such as `methods.fgsm.width`; None to take it away."""
    content = copy.deepcopy(SMALL)
    *way, last = (int(part) if part.isdigit() else part for part in place.split("."))
    table: Any = content
    for part in way:
        table = table[part]
    if value is None:
        del table[last]
    else:
        table[last] = value
    return content


def test_a_grid_with_all_that_there_is(folder: Path) -> None:
    grid = GRID.replace(
        'networks = ["mnist-2x100", "net.safetensors"]', 'networks = ["mnist-2x100"]'
    )
    (folder / "grid.toml").write_text(grid)
    plan = read_plan(folder / "grid.toml")
    assert plan.title == "all that there is"
    first, second, third = plan.blocks
    assert [(series.name, series.kind, series.method) for series in first.series] == [
        ("exact", "exact", Exact(goal=SearchGoal.OPTIMISE, threads=2)),
        ("fgsm", "fgsm", Fgsm(seed=3)),
        ("strong", "fgsm", Fgsm(width=0.3, restarts=None, seed=9)),
        ("milp", "milp", Milp(solver=Scip(), seed=3)),
        ("iprop", "iprop", IProp(step=AdaptiveStep(share=0.1, patience=3), cutoff=2.0, seed=3)),
        (
            "warm",
            "iprop",
            WarmStarted(
                first=Fgsm(seed=3), seconds=0.5, then=IProp(step=ConstantStep(neurons=5), seed=3)
            ),
        ),
    ]
    assert [series.time_limit for series in first.series] == [7.5, 20, 20, 20, 20, 20]
    assert [series.seed for series in first.series] == [0, 3, 9, 3, 3, 3]
    assert first.epsilons == (0.01, 2 / 255, 0.0)
    assert [case.index for case in first.cases] == [1, 2, 3]
    assert [series.name for series in second.series] == ["exact", "fgsm"]
    assert [(case.index, case.goal) for case in second.cases] == [(7, Untargeted())]
    assert {case.goal for case in third.cases} == {Target(2)}
    assert len(third.skipped) == len(plan.skipped) == 8 - len(third.cases) > 0
    key = NETWORK.digest
    assert plan.names[key] == "net.safetensors"
    assert third.cases[0].images_name == "small.npz"
    assert len(plan.networks) == 2
    assert len(plan.tasks()) == 3 * 3 * 6 + 2 + len(third.cases)


def test_networks_and_images_that_do_not_fit(folder: Path) -> None:
    (folder / "grid.toml").write_text(GRID)
    with pytest.raises(GridError, match=r"problems\[0\]: images have shape \(3, 784\)"):
        read_plan(folder / "grid.toml")


def test_seeds_repeat_the_methods_that_make_random_choices(write: Write) -> None:
    content = {**SMALL, "seeds": [4, 5], "methods": {"fgsm": {}, "exact": {}}}
    (block,) = read_plan(write(content)).blocks
    assert [(series.name, series.seed) for series in block.series] == [
        ("fgsm", 4),
        ("fgsm", 5),
        ("exact", 0),
    ]
    assert [series.method for series in block.series[:2]] == [Fgsm(seed=4), Fgsm(seed=5)]


PROBLEM = "problems.0."
BAD: list[tuple[str, Any, str]] = [
    # keys
    ("methds", {}, "methds is no key of a grid (did you mean 'methods'?); the keys there are"),
    ("methods", None, "methods is missing"),
    ("methods", {}, "methods is empty; name at least one"),
    ("methods.fgsm", 3, "methods.fgsm is 3; it must be a table"),
    ("problems", [], "problems is empty; name at least one"),
    ("problems", ["fgsm"], "problems[0] is 'fgsm'; it must be a table"),
    ("problems", 3, "problems is 3; it should be a valid list"),
    (PROBLEM + "epsilon", [0.1], "problems[0].epsilon is no key of a grid (did you mean 'epsilons"),
    (PROBLEM + "networks", None, "problems[0].networks is missing"),
    (PROBLEM + "networks", [], "problems[0].networks is empty; name at least one"),
    # numbers
    ("time_limit", -1, "time_limit is -1; it should be greater than or equal to 0"),
    ("time_limit", "10", "time_limit is '10'; it should be a valid number"),
    ("time_limit", float("nan"), "time_limit is nan; it should be a finite number"),
    ("seed", 1.5, "seed is 1.5; it should be a valid integer"),
    ("seed", -1, "seed is -1; it should be greater than or equal to 0"),
    ("seeds", [1, 2, 1], "seeds: 1 stands in it twice; each may stand in it once"),
    ("seeds", [1, True], "seeds[1] is True; it should be a valid integer"),
    (PROBLEM + "epsilons", [0.1, 1.5], "problems[0]: epsilon is 1.5; it must be from 0 to 1"),
    (PROBLEM + "epsilons", [-0.1], "problems[0].epsilons[0] is -0.1; it should be greater than or"),
    (PROBLEM + "epsilons", ["2/0"], "problems[0].epsilons[0]: '2/0' is no number"),
    (PROBLEM + "epsilons", ["5/2"], "problems[0]: epsilon is 2.5; it must be from 0 to 1"),
    (PROBLEM + "epsilons", [0.1, 0.2, 0.1], "problems[0].epsilons: 0.1 stands in it twice"),
    # names
    (PROBLEM + "networks", ["mnist-2x10"], "problems[0]: 'mnist-2x10' is neither a network of the"),
    (
        PROBLEM + "images",
        "mnist-smaple",
        "problems[0]: no data set is called 'mnist-smaple'; give one",
    ),
    (PROBLEM + "images", "no.npz", "no.npz cannot be read: No such file or directory"),
    (PROBLEM + "index", "0:20", "problems[0]: index 0:20 reaches beyond the images of"),
    (PROBLEM + "index", "9" * 5000, "9' is no range of images"),
    (PROBLEM + "target", "9" * 5000, "9' is no target"),
    (PROBLEM + "networks", ["a" * 5000], "a' is neither a network of the zoo nor a file"),
    (PROBLEM + "networks", [""], "'' is neither a network of the zoo nor a file"),
    (PROBLEM + "index", "a", "problems[0].index: 'a' is no range of images"),
    (PROBLEM + "index", True, "problems[0].index is True; it should be a valid string"),
    (PROBLEM + "target", "third", "problems[0].target: 'third' is no target; write 'second'"),
    (PROBLEM + "target", 3, "problems[0]: the target is class 3; net.safetensors has classes 0"),
    (PROBLEM + "methods", ["ipro"], "problems[0].methods names 'ipro', and there is no "),
    (PROBLEM + "methods", ["ipro"], "[methods.ipro] (did you mean 'iprop'?)"),
    (PROBLEM + "methods", ["iprop"] * 2, "problems[0].methods: 'iprop' stands in it twice"),
    # methods
    ("methods.fgms", {}, "methods.fgms: no method is called 'fgms' (did you mean 'fgsm'?)"),
    ("methods.a", {"method": "ipro"}, "methods.a.method: no method is called 'ipro' (did you mean"),
    ("methods.fgsm.widht", 1, "methods.fgsm.widht is no setting of 'fgsm' (did you mean 'width'?)"),
    ("methods.fgsm.solver", "highs", "methods.fgsm.solver is no setting of 'fgsm'; it has"),
    ("methods.fgsm.width", "wide", "methods.fgsm.width is 'wide'; it should be a valid number"),
    ("methods.fgsm.width", 1e9, "methods.fgsm: the surrogate's width is 1000000000.0; it must be"),
    ("methods.fgsm.restarts", 0, "methods.fgsm: restarts is 0; it must be at least 1"),
    ("methods.fgsm.restarts", 1.5, "methods.fgsm.restarts is 1.5; it should be a valid integer"),
    ("methods.fgsm.time_limit", -1, "methods.fgsm.time_limit is -1; it should be greater than"),
    ("methods.fgsm.width", "none", "methods.fgsm.width is 'none'; it should be a valid number"),
    ("methods.iprop.step", 0, "methods.iprop.step: the constant step is 0 neurons"),
    (
        "methods.iprop.step",
        "big",
        "methods.iprop.step: 'big' is no step; write a number of neurons",
    ),
    ("methods.iprop.step", {"shar": 1}, "methods.iprop.step: 'shar' is no setting of the adaptive"),
    ("methods.iprop.step", {"share": 2}, "methods.iprop.step: the adaptive step's share is 2"),
    ("methods.iprop.step", {"share": "x"}, "methods.iprop.step: share is 'x'; it should be a"),
    ("methods.iprop.solver", "higs", "methods.iprop.solver: no solver is called 'higs'"),
    ("methods.iprop.solver", ["highs"], "methods.iprop.solver: ['highs'] is no solver"),
    ("methods.iprop.fix_stable", 1, "methods.iprop.fix_stable is 1; it should be a valid boolean"),
    ("methods.iprop.warm_start", "fgsm", "methods.iprop.warm_start: 'fgsm' is no warm start"),
    ("methods.exact", {"goal": "win"}, "methods.exact.goal: goal is 'win'; it must be one of"),
    ("methods.milp", {"method": "exact"}, "methods.milp.method is 'exact'; the name of a method"),
    ("methods. ", {"method": "exact"}, "a method is called ' '; give it a name that can be seen"),
    ("methods.a", {"method": "fgsm"}, "methods.a is the same as methods.fgsm"),
]


@pytest.mark.parametrize(("place", "value", "message"), BAD, ids=lambda value: str(value)[:40])
def test_bad_grids(write: Write, place: str, value: Any, message: str) -> None:
    path = write(changed(place, value))
    with pytest.raises(GridError) as caught:
        read_plan(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_the_small_grid_itself_is_good(write: Write) -> None:
    assert len(read_plan(write(SMALL)).tasks()) == 16


@pytest.mark.parametrize("other", ["copy.safetensors", "./net.safetensors"])
def test_a_network_under_two_names(write: Write, other: str) -> None:
    path = write(changed("problems.0.networks", ["net.safetensors", other]))
    save_network(NETWORK, path.parent / "copy.safetensors")
    message = f"problems[0]: networks: {other!r} is the same network as 'net.safetensors'"
    with pytest.raises(GridError, match=re.escape(message)):
        read_plan(path)


def test_a_byte_order_mark(write: Write) -> None:
    path = write(SMALL)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_plan(path).tasks()) == 16


def test_seed_and_seeds(write: Write) -> None:
    with pytest.raises(GridError, match="seed and seeds are both there; keep one"):
        read_plan(write({**SMALL, "seed": 1, "seeds": [2]}))


def test_several_errors_are_named_at_once(write: Write) -> None:
    content = changed("problems.0.epsilons", [-2 - i for i in range(9)])
    with pytest.raises(GridError, match=r"epsilons\[0\] is -2; .*epsilons\[4\].* and 4 more$"):
        read_plan(write(content))


def test_a_target_that_every_image_has(write: Write) -> None:
    predictions = NETWORK.predict(np.load(write(SMALL).parent / "small.npz")["images"]).tolist()
    content = changed("problems.0.target", predictions[0])
    content["problems"][0]["index"] = 0
    with pytest.raises(GridError, match="predicts for every chosen image"):
        read_plan(write(content))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"title = ", r"grid.toml is no TOML: Invalid value"),
        (b"\xff", r"grid.toml is no TOML: .*can't decode"),
        (b"seed = " + 5000 * b"9", r"grid.toml is no TOML: .*has 5000 digits"),
        (b"a = " + 5000 * b"[", r"grid.toml is no TOML: .*recursion"),
        (None, r"grid.toml cannot be read: No such file"),
    ],
)
def test_no_toml(tmp_path: Path, text: bytes | None, message: str) -> None:
    path = tmp_path / "grid.toml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(GridError, match=message):
        read_plan(path)


def test_a_solver_that_is_not_installed(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise MissingExtraError("pyscipopt", "scip", "the solver 'scip'")

    monkeypatch.setattr(Scip, "solve", missing)
    with pytest.raises(MissingExtraError, match=r"pip install 'signflip\[scip\]'"):
        read_plan(write(changed("methods.iprop.solver", "scip")))


@pytest.mark.parametrize("path", sorted(GRIDS.glob("*.toml")), ids=lambda path: path.name)
def test_the_grids_that_come_with_signflip(path: Path, tmp_path: Path) -> None:
    content = tomllib.loads(path.read_text())
    for table in content["problems"]:  # the samples stand in for data sets that are not here
        table["images"] = table["images"].removesuffix("-sample") + "-sample"
        table["index"] = table["index"].replace("100", "10")  # ten times fewer tasks to make
    (tmp_path / "grid.toml").write_text(toml(content))
    tasks = read_plan(tmp_path / "grid.toml").tasks()
    assert tasks
    assert {task.series.name for task in tasks} == set(content["methods"])
