"""Proof files that were tampered with: none may be accepted with a claim that is false.

    python -m benchmarks.proofs_tampered --count 20000

On tiny networks over every kind of map each claim that is accepted is compared with brute force,
which goes through all sign patterns that a real point of the box has. On zoo networks, proofs of
images with and without a flip are changed in the same ways, mixed with each other, forged, and
shown to other networks; there a claim that is accepted is false if an image that is known, or one
that the exact method finds in its box, breaks it.
"""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from random import Random

import click
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.common import Benchmark, data_option, images_of, machine, markdown, network
from signflip import Box, Problem, Target, Ties, Untargeted, attack
from signflip.clock import Clock
from signflip.errors import ProofError
from signflip.exact.frames import Rules
from signflip.methods import Exact
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork
from signflip.proof.check import BOUND, BRANCH, check
from signflip.proof.container import Content, packed, pieces_of, steps_of, unpacked
from signflip.proving import hard, prove
from signflip.proving.no_proof import NoProofError
from signflip.proving.prove import proof_of
from signflip.result import Verdict
from tests.support.map_strategies import mapped_networks
from tests.support.oracle import exact_optimum
from tests.support.proofs import by_elimination, by_enumeration, is_true, tampered
from tests.support.strategies import networks, problems

NEVER = 2**40  # looks at frames that no proof takes
TINY = 40
"""Changed files for each tiny problem."""
ZOO = (
    *(("mnist-2x100", 0.01), ("mnist-3x100", 0.01), ("mnist-2x100", 0.02)),
    *(("mnist-vote-0.1", 0.1), ("mnist-vote-0.3", 0.3)),  # with factors
)
OTHER = "mnist-2x200"
"""A network that proofs of others are shown to."""
IMAGES = 12


class Tally:
    """What became of the files.

    Attributes:
        refused: by the step that failed, how many.
        true: how many were accepted with a claim that is true.
        false: those with one that is not.
    """

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.true = 0
        self.false = 0

    def add(self, data: bytes, known: BinaryNetwork, wrong: "list[Content] | None") -> None:
        """Check a file; `wrong` is None to ask brute force, else what is known of images."""
        try:
            found = check(data, known).content
        except ProofError as error:
            self.refused[str(error).partition(":")[0].partition(" ")[0]] += 1
            return
        holds = is_true(known, found) if wrong is None else not _broken(known, found, wrong)
        self.true += holds
        self.false += not holds

    @property
    def total(self) -> int:
        """All files."""
        return sum(self.refused.values()) + self.true + self.false


def _broken(known: BinaryNetwork, found: Content, flips: "list[Content]") -> bool:
    """Whether an image breaks a claim: one that is known, or that the exact method finds now."""
    bound = found.bound
    if bound is None:
        return False
    box = Box(lower=found.lower, upper=found.upper, inputs=known.input_range)
    images = [each.witness for each in flips if each.witness is not None]
    for rival in found.rivals:
        problem = Problem(known, found.image, box, Target(rival), ties=Ties.FLIP)
        start = next((image for image in images if box.contains(image)), None)
        best = attack(problem, Exact(goal=SearchGoal.OPTIMISE), time_limit=2, start=start)
        reached = problem.replay(best.witness).value
        if reached > bound or (reached == bound and rival in found.strict):
            return True
    return False


def tiny(count: int, seed: int, tally: Tally) -> None:
    """Tiny problems over every map, each with some changed files of its own and of others.

    Proofs over two hidden layers are made with forms, half of them by halves, and by enumeration;
    some of all where neurons may read few others by elimination, which only large problems have
    otherwise.
    """
    prove.FEW, prove.EASY = 0, 1
    hard.RULES = Rules(least=0, fresh=1, age=1, near=0.0)
    random = Random(seed)
    drawn = problems(network=st.one_of(networks(), mapped_networks()), ties=st.sampled_from(Ties))

    @settings(
        max_examples=-(-count // TINY), database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(problem=drawn)
    def run(problem: Problem) -> None:
        best = exact_optimum(problem).value
        hard.HALVED = random.choice((NEVER, -1))
        data = proof_of(problem, bound=best, clock=Clock.start(None))
        content = unpacked(data, problem.network.inputs)
        others = [content]
        for epsilon in (0.1, 0.4):
            near = Problem.ball(
                problem.network, np.clip(problem.image + 0.1, 0, 1), epsilon=epsilon
            )
            other = proof_of(near, bound=exact_optimum(near).value, clock=Clock.start(None))
            others.append(unpacked(other, problem.network.inputs))
        contents = [content, *by_elimination(problem, best)[:1], *enumerated(problem, content)]
        for _ in range(TINY):
            tally.add(tampered(random.choice(contents), others, random), problem.network, None)

    run()
    prove.EASY, hard.RULES, hard.HALVED = 20, Rules(least=4, fresh=8), 200


def zoo(count: int, seed: int, tally: Tally) -> None:
    """Files of zoo networks, among them forged proofs for images that have a flip."""
    random = Random(seed)
    for name, epsilon in ZOO:
        valid: list[Content] = []
        flips: list[Content] = []
        known = network(name)
        for image in images_of(name).images[:IMAGES]:
            problem = Problem.ball(
                known, image, epsilon=epsilon, goal=Untargeted(), ties=Ties.PREDICT
            )
            result = attack(problem, Exact(), time_limit=20)
            if result.verdict is Verdict.UNKNOWN:
                continue
            robust = result.verdict is Verdict.ROBUST
            try:
                data = proof_of(
                    problem,
                    bound=Fraction(0) if robust else None,
                    strict=problem.tied_rivals if robust else (),
                    witness=None if robust else result.witness,
                    clock=Clock.start(60),
                )
            except NoProofError:
                continue
            content = unpacked(data, known.inputs)
            (valid if robust else flips).append(content)
            valid += enumerated(problem, content)
        other = network(OTHER)
        for _ in range(count // len(ZOO)):
            if random.random() < 0.1:
                content = random.choice(valid + flips)
                shown = random.choice((content, replace(content, network=other.digest)))
                tally.add(packed(shown), other, [])
            elif flips and random.random() < 0.5:
                tally.add(forged(random.choice(flips), valid, random), known, flips)
            else:
                tally.add(tampered(random.choice(valid), valid + flips, random), known, flips)


def enumerated(problem: Problem, content: Content) -> list[Content]:
    """The same by enumeration, where there is such a proof."""
    try:
        return [by_enumeration(problem, content)]
    except NoProofError:
        return []


def forged(flip: Content, valid: list[Content], random: Random) -> bytes:
    """A proof that an image with a flip has none: another's steps, cut short, or made up."""
    claimed = replace(flip, bound=Fraction(0), witness=None)
    steps = b"".join(pieces_of(random.choice(valid).steps))
    match random.randrange(4):
        case 0:  # stopped early: the rest is said to be bounded
            cut = steps[: random.randrange(len(steps))]
            return packed(replace(claimed, steps=cut + bytes(random.randrange(60))))
        case 1:
            numbers = [BRANCH + random.randrange(40) for _ in range(random.randrange(30))]
            return packed(
                replace(claimed, steps=steps_of([*numbers, *[BOUND] * (len(numbers) + 1)]))
            )
        case 2:
            return packed(
                replace(random.choice(valid), image=flip.image, lower=flip.lower, upper=flip.upper)
            )
        case _:
            return packed(replace(claimed, steps=steps))


@click.command(cls=Benchmark)
@click.option("--count", default=20_000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@data_option
def main(count: int, seed: int) -> None:
    """Half of the files on tiny networks, half on those of the zoo."""
    rows = []
    for what, run in (("tiny, brute force", tiny), ("zoo", zoo)):
        tally = Tally()
        run(count // 2, seed, tally)
        reasons = ", ".join(f"{step} {number}" for step, number in tally.refused.most_common())
        rows.append(
            (what, tally.total, sum(tally.refused.values()), tally.true, tally.false, reasons)
        )
    head = ("networks", "files", "refused", "true claims", "false claims", "refused at")
    click.echo(f"{machine([])}\n\n{markdown(head, rows)}")
    if any(row[4] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
