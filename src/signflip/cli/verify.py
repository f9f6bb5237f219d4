"""`signflip verify`: VNN-LIB properties and Marabou queries, answered as the competition asks."""

from collections.abc import Sequence
from pathlib import Path

import click

from signflip.arrays import Floats
from signflip.cli.options import FILE, inputs_option
from signflip.cli.output import check_writable
from signflip.clock import Clock
from signflip.errors import ProblemError, SettingError
from signflip.files import write_bytes, writing
from signflip.methods import Exact, Guided
from signflip.methods.search_goal import SearchGoal
from signflip.network import BinaryNetwork, InputRange
from signflip.queries.decide import Answer, Turn, decide, rounded_to_float32
from signflip.queries.layout import Layout
from signflip.queries.marabou import MarabouQuery, read_marabou
from signflip.queries.outputs import Outputs
from signflip.queries.query import Query
from signflip.queries.vnnlib import read_property
from signflip.zoo.named import open_network

TURNS = (
    Turn(Guided(goal=SearchGoal.DECIDE), 0.05),
    Turn(Exact(), 1.0),
    # where the network is too wide for a proof, or a case was too close to call
    Turn(Guided(goal=SearchGoal.DECIDE, restarts=10_000, seed=1), 1.0),
)
"""What is tried on each part of a query, one after the other."""
MOST_SECONDS = 60.0
"""For a witness of float32 numbers, where one of float64 is known."""


@click.command()
@click.argument("network", metavar="NETWORK|QUERY")
@click.argument("property_", metavar="[PROPERTY]", type=FILE, required=False)
@click.option(
    "--time-limit", type=float, default=480.0, show_default=True, metavar="S", help="Seconds."
)
@inputs_option
@click.option("--result", type=FILE, metavar="FILE", help="Write the answer there as well.")
def verify(
    network: str,
    property_: Path | None,
    time_limit: float,
    inputs: InputRange | None,
    result: Path | None,
) -> None:
    """Is there an input with such outputs? Prints sat (with the input), unsat, unknown or timeout.

    Give a NETWORK and a PROPERTY in VNN-LIB, or a Marabou QUERY (.ipq, .ipq.gz) that holds its
    network. Properties compare by <= and >=, so that a tie counts.
    """
    if result is not None:
        check_writable(result, overwrite=True)
    if property_ is None:
        path = Path(network)
        if not path.name.endswith((".ipq", ".ipq.gz")):
            raise SettingError(
                f"{network} has no property beside it; give one in VNN-LIB, or a Marabou query "
                "(.ipq, .ipq.gz)"
            )
        if inputs is not None:
            raise SettingError(f"{network} holds its network, inputs too; leave out --inputs")
        text = _marabou(read_marabou(path), time_limit)
    else:
        text = _vnnlib(queries_of(open_network(network, inputs), property_), time_limit)
    try:
        if result is not None:
            with writing(result):
                write_bytes(result, (text + "\n").encode())
    finally:  # an answer that cannot be written is one all the same
        click.echo(text)


def queries_of(network: BinaryNetwork, property_: Path) -> tuple[Query, ...]:
    """The queries that a VNN-LIB property asks of a network, one for each box of inputs.

    A witness of one is one of the property; where there is no query, nothing can fulfil it.

    Raises:
        ProblemError: the file cannot be read, or does not fit the network.
    """
    layout, made = Layout.of(network), []
    outputs = Outputs.of(network)
    for part in read_property(property_):
        if len(part.lower) != network.inputs:
            raise ProblemError(
                f"{property_} bounds {len(part.lower)} inputs, and the network reads "
                f"{network.inputs}"
            )
        lower, upper = layout.to_network(part.lower), layout.to_network(part.upper)
        cases = tuple(outputs.asked(case) for case in part.cases)
        made.append(Query(network=network, lower=lower, upper=upper, cases=cases))
    return tuple(made)


def query_of(network: BinaryNetwork, property_: Path) -> Query:
    """The query of a VNN-LIB property that has one box.

    Raises:
        ProblemError: as for `queries_of`; or the property has no box, or several.
    """
    queries = queries_of(network, property_)
    if len(queries) != 1:
        raise ProblemError(f"{property_} has {len(queries)} boxes of inputs; it must have one")
    return queries[0]


def _marabou(held: MarabouQuery, time_limit: float) -> str:
    """The answer to a Marabou query; a witness is one in the file's own numbers."""
    if not held.queries:
        return Answer.UNSAT.value
    decision = decide(held.queries[0], TURNS, time_limit=time_limit)
    if decision.answer is not Answer.SAT or decision.witness is None:
        return decision.answer.value
    found = held.witness(decision.witness)
    if found is None:
        return Answer.UNKNOWN.value
    return _sat(found.image, [float(value) for value in found.outputs])


def _vnnlib(queries: tuple[Query, ...], time_limit: float) -> str:
    """The answer for a witness of any query, or a proof for each; they share the time evenly."""
    clock, answers = Clock.start(time_limit), set[Answer]()
    for place, query in enumerate(queries):
        share = clock.remaining() / (len(queries) - place)
        decision = decide(query, TURNS, time_limit=share)
        if decision.answer is Answer.SAT and decision.witness is not None:
            # others check it in float32: a tenth of the time to find one that holds there
            limit = min(MOST_SECONDS, clock.remaining() / 10)
            image = rounded_to_float32(query, decision.witness, TURNS, time_limit=limit)
            signs = query.network.activations(image[None])[-1][0]
            values = query.network.output.exact_values(signs)
            shown = Outputs.of(query.network).shown(values)
            return _sat(Layout.of(query.network).to_file(image), shown)
        answers.add(decision.answer)
    open_ = [each for each in (Answer.TIMEOUT, Answer.UNKNOWN) if each in answers]
    return open_[0].value if open_ else Answer.UNSAT.value


def _sat(image: Floats, outputs: Sequence[float]) -> str:
    """A witness in the competition's form."""
    lines = [f"(X_{i} {value!r})" for i, value in enumerate(image.tolist())]
    lines += [f"(Y_{c} {value!r})" for c, value in enumerate(outputs)]
    return "sat\n(" + "\n".join(lines) + ")"
