import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signflip.attack import Method
from signflip.errors import SettingError
from signflip.methods import METHODS, Exact, Fgsm, IProp, Milp, make_method, method_settings
from signflip.methods.search_goal import SearchGoal
from signflip.methods.spec import (
    WarmStart,
    describe,
    identity,
    method_of,
    seeded_method,
    warm_start,
)
from signflip.methods.step_size import AdaptiveStep, ConstantStep
from signflip.methods.warm_start import WarmStarted
from signflip.programs import Gurobi, Highs, Scip


def test_a_method_gets_the_seed_if_it_has_one() -> None:
    assert seeded_method("fgsm", {"width": 0.5}, 7, None) == Fgsm(width=0.5, seed=7)
    assert seeded_method("exact", {}, 7, None) == Exact()


def test_a_seed_among_the_settings_counts() -> None:
    assert seeded_method("fgsm", {"seed": 2}, 7, None) == Fgsm(seed=2)


def test_a_warm_start_has_the_same_seed() -> None:
    expected = WarmStarted(first=Fgsm(seed=7), seconds=0.5, then=IProp(cutoff=2.0, seed=7))
    assert seeded_method("iprop", {"cutoff": 2.0}, 7, WarmStart("fgsm", 0.5)) == expected


def test_a_setting_that_the_method_has_not() -> None:
    with pytest.raises(SettingError, match="the method 'exact' has no setting 'seed'"):
        seeded_method("exact", {"seed": 1}, 7, None)


@pytest.mark.parametrize("text", ["fgsm:5", "fgsm:0.5", "fgsm:.5", "milp:10."])
def test_warm_start(text: str) -> None:
    method, _, seconds = text.partition(":")
    assert warm_start(text) == WarmStart(method, float(seconds))


@pytest.mark.parametrize("text", ["fgsm", "fgsm:", "fgms:5", "fgsm:-1", "fgsm:nan"])
def test_no_warm_start(text: str) -> None:
    with pytest.raises(SettingError, match="is no warm start"):
        warm_start(text)


PLAIN = st.one_of(
    st.builds(
        Fgsm,
        step=st.floats(0.01, 2),
        iterations=st.integers(1, 1000),
        restarts=st.none() | st.integers(1, 99),
        width=st.floats(0.01, 10) | st.integers(1, 9),
        seed=st.integers(0, 9),
    ),
    st.builds(Exact, goal=st.sampled_from(SearchGoal), threads=st.integers(1, 4)),
    st.builds(Milp, solver=st.sampled_from([Highs(), Highs(tolerance=1e-6), Scip(), Gurobi()])),
    st.builds(
        IProp,
        step=st.builds(ConstantStep, neurons=st.integers(1, 9))
        | st.builds(AdaptiveStep, share=st.floats(0.01, 1), patience=st.integers(1, 9)),
        cutoff=st.floats(0.1, 9) | st.integers(1, 9),
        fix_stable=st.booleans(),
    ),
)
METHOD = PLAIN | st.builds(WarmStarted, first=PLAIN, seconds=st.floats(0, 9), then=PLAIN)


@given(METHOD)
def test_a_method_survives_its_description(method: Method) -> None:
    text = json.dumps(describe(method), allow_nan=False)
    assert method_of(json.loads(text)) == method
    assert json.dumps(describe(method_of(json.loads(text)))) == text


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_a_description(name: str) -> None:
    method = make_method(name, {})
    assert method_of(json.loads(json.dumps(describe(method)))) == method
    version = getattr(method, "VERSION", 1)
    later = {} if version == 1 else {"version": version}
    assert identity(describe(method)) == {"kind": type(method).__name__, **later}


@given(METHOD, METHOD)
def test_methods_are_the_same_where_only_speed_tells_them_apart(one: Method, two: Method) -> None:
    def alike(method: Any) -> Any:
        if isinstance(method, WarmStarted):
            return replace(method, first=alike(method.first), then=alike(method.then))
        names = {field.name for field in fields(method)} & {"threads", "ask", "gate"}
        return replace(method, **{name: type(method).__dict__[name] for name in names})

    same = identity(describe(one)) == identity(describe(two))
    assert same == (alike(one) == alike(two))


def test_an_identity_holds_what_differs_from_the_defaults() -> None:
    assert identity(describe(Exact())) == {"kind": "Exact"}
    warm = WarmStarted(first=Fgsm(width=0.3), seconds=5, then=IProp(step=ConstantStep(neurons=5)))
    assert identity(describe(warm)) == {
        "kind": "WarmStarted",
        "first": {"kind": "Fgsm", "width": 0.3},
        "seconds": 5.0,
        "then": {
            "kind": "IProp",
            "version": IProp.VERSION,
            "step": {"kind": "ConstantStep", "neurons": 5},
        },
    }


def test_a_method_that_gives_other_answers_than_before_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = describe(Fgsm())
    monkeypatch.setattr(Fgsm, "VERSION", 2, raising=False)
    assert identity(describe(Fgsm())) == {"kind": "Fgsm", "version": 2}
    # the defaults of then are not ours to leave out
    assert identity(before) == before
    with pytest.raises(SettingError, match="Fgsm is of version 1, and this Signflip has 2"):
        method_of(before)
    assert method_of(describe(Fgsm())) == Fgsm()


@pytest.mark.parametrize("name", METHODS)
def test_settings_that_change_only_the_speed_are_settings(name: str) -> None:
    assert set(getattr(METHODS[name], "SPEED_ONLY", ())) <= method_settings(name)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({}, "None is no kind of method; the kinds are Fgsm,"),
        ({"kind": "Cw"}, "'Cw' is no kind of method"),
        ({"kind": "Highs"}, r"Highs\(.*\) is no method"),
        ({"kind": "Fgsm", "depth": 3}, "Fgsm has no setting 'depth'; its settings are step,"),
        ({"kind": "WarmStarted", "seconds": 1.0}, "WarmStarted lacks 'first'; its settings are"),
        ({"kind": "Fgsm", "width": "wide"}, "width is 'wide'; it should be a valid number"),
        (
            {"kind": "WarmStarted", "first": 3, "seconds": 1.0, "then": {"kind": "Exact"}},
            "first: 3 is no method",
        ),
    ],
)
def test_no_description_of_a_method(description: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        method_of(description)
