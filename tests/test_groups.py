import pytest


@pytest.mark.xdist_group("checked")
def test_processes_that_share_the_tests_keep_a_group_together(
    request: pytest.FixtureRequest,
) -> None:
    # that rests on a private attribute of pytest: without it, what a file makes once is made twice
    if not request.config.getoption("loadgroup", default=False):
        pytest.skip("not tested: groups of tests (all tests run in one process)")
    assert request.node.nodeid.endswith("@checked")
