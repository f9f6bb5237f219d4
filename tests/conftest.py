"""Settings of all tests."""

import math
import os
import signal
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from signflip.many import fork_server
from tests.support import absent

EXAMPLES = int(os.environ.get("SIGNFLIP_EXAMPLES", "0"))
"""Examples of each property at least: `SIGNFLIP_EXAMPLES=10000 pytest ...` is a longer test."""

SHARE = 1.0 if "CI" in os.environ else 0.3
"""Of the examples that a property asks for. A change is judged by all of them; who works on the
code runs the tests often, and draws new ones each time."""

DECORATED = "_hypothesis_internal_use_settings"
"""Where hypothesis keeps the settings of a test."""

settings.register_profile(
    "signflip",
    deadline=None,  # a busy machine is no failure
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    # a change is judged by the same examples each time; who works on the code draws new ones
    derandomize="CI" in os.environ,
)
settings.load_profile("signflip")

# A shell starts with Ctrl-C ignored what it starts in the background, and so would be the programs
# that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _server_that_forks() -> None:
    """In a run of many tests, have the workers of all of them inherit a loaded search.

    The server imports what the first that starts it asks for.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        fork_server.start(fork_server.SEARCH)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Change what a property's own decorator says to what is asked for."""
    functions = {item.obj for item in items if isinstance(item, pytest.Function)}
    for function in filter(is_hypothesis_test, functions):
        own = getattr(function, DECORATED)
        examples = max(EXAMPLES, math.ceil(SHARE * own.max_examples))
        setattr(function, DECORATED, settings(own, max_examples=examples))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Say in the end, in one line, what was not tested since this machine lacks something."""
    yield
    skipped = terminalreporter.stats.get("skipped", [])
    line = absent.line(report.longrepr[-1] for report in skipped)
    if line:
        terminalreporter.write_line(line, yellow=True)
