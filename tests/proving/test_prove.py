"""Proofs of small problems: made wherever they are true, accepted, and no others."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.attack import attack
from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.exact.tables import MOST_INPUTS
from signflip.network import BinaryNetwork, OutputLayer, SignLayer
from signflip.problem import Problem, Ties
from signflip.proof.check import check
from signflip.proof.container import Content, packed, unpacked
from signflip.proving import cases, prove
from signflip.proving.no_proof import NoProofError
from signflip.proving.prove import proof_of
from signflip.result import Verdict
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import exact_optimum
from tests.support.proofs import is_true, tampered
from tests.support.strategies import networks, problems
from tests.support.tiny import tiny_network

ENDLESS = Clock.start(None)
some_problems = problems(
    network=st.one_of(networks(), mapped_networks()), ties=st.sampled_from(Ties)
)


@settings(max_examples=50)
@given(problem=some_problems)
def test_the_optimum_is_proved_and_nothing_below_it(problem: Problem) -> None:
    best = exact_optimum(problem).value
    proved = check(proof_of(problem, bound=best, clock=ENDLESS), problem.network)
    assert proved.content.bound == best
    assert is_true(problem.network, proved.content)
    with pytest.raises(NoProofError):
        proof_of(problem, bound=best - Fraction(1, 10**9), clock=ENDLESS)
    with pytest.raises(NoProofError):
        proof_of(problem, bound=best, strict=problem.rivals, clock=ENDLESS)
    above = best + Fraction(1, 10**9)
    check(proof_of(problem, bound=above, strict=problem.rivals, clock=ENDLESS), problem.network)


def contents(count: int) -> list[Content]:
    """Of valid proofs of images of one tiny network, some of which have flips."""
    made: list[Content] = []
    random, network = Random(3), tiny_network(inputs=4)
    while len(made) < count:
        image = [random.random() for _ in range(4)]
        problem = Problem.ball(network, image, epsilon=random.choice((0.1, 0.3)))
        bound = exact_optimum(problem).value
        data = proof_of(problem, bound=bound, clock=ENDLESS)
        made.append(unpacked(data, network.inputs))
    return made


def test_what_is_tampered_with_proves_nothing_false() -> None:
    network, random = tiny_network(inputs=4), Random(7)
    made = contents(6)
    refused = 0
    for place in range(300):
        data = tampered(made[place % len(made)], made, random)
        try:
            proved = check(data, network)
        except ProofError:
            refused += 1
            continue
        assert is_true(network, proved.content)
    assert refused > 150


def test_a_proof_of_another_network_or_box_is_refused() -> None:
    network = tiny_network(inputs=4)
    content = contents(1)[0]
    other = replace(content, network=tiny_network(inputs=4, scale=(1.0, 2.0, 1.0)).digest)
    with pytest.raises(ProofError, match="another network"):
        check(packed(other), network)


def test_time_that_is_out_ends_it() -> None:
    problem = Problem.ball(tiny_network(), [0.5] * 16, epsilon=0.5)
    with pytest.raises(NoProofError, match="time was out"):
        proof_of(problem, bound=Fraction(-100), clock=Clock.start(0.0))


def pooled(neurons: int) -> Problem:
    """A problem that intervals settle, of two layers; the first is as wide as one likes."""
    first = SignLayer.dense(np.ones((neurons, 2), np.int8), np.linspace(0, 3, neurons))
    second = SignLayer.dense(np.ones((2, neurons), np.int8), np.array([0.0, -neurons]))
    output = OutputLayer(np.array([[1, 1], [-1, -1]], np.int8), np.ones(2), np.zeros(2))
    return Problem.ball(BinaryNetwork((first, second), output), [0.9, 0.9], epsilon=0.05)


def test_wider_layers_than_a_search_by_cases_counts_have_the_proof_of_intervals(
    tmp_path: Path,
) -> None:
    problem, path = pooled(MOST_INPUTS + 1), tmp_path / "a.proof"
    result = attack(problem, proof=path)
    assert (result.verdict, result.remark) == (Verdict.ROBUST, "")
    assert check(path.read_bytes(), problem.network).cases == 1
    with pytest.raises(NoProofError, match="so wide a network"):
        proof_of(problem, bound=Fraction(-5), clock=ENDLESS)


def test_tables_that_take_longer_than_there_is_time_are_not_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cases, "ENTRY", 1.0)
    monkeypatch.delattr(prove, "Cases")
    made = proof_of(pooled(40), bound=Fraction(0), clock=Clock.start(1.0))
    assert check(made, pooled(40).network).cases == 1
