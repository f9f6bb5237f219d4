"""Proofs of small problems: made wherever they are true, accepted, and no others."""

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.problem import Problem, Ties
from signflip.proof.check import check
from signflip.proof.container import Content, packed, unpacked
from signflip.proving.no_proof import NoProofError
from signflip.proving.prove import proof_of
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
