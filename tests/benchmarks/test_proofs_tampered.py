import pytest

from benchmarks.proofs_tampered import TINY, Tally, tiny
from signflip.proving import hard, prove


def test_nothing_false_is_accepted_and_each_refusal_says_where(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # what the benchmark sets for its process is put back
    for module, name in ((prove, "FEW"), (prove, "EASY"), (hard, "RULES")):
        monkeypatch.setattr(module, name, getattr(module, name))
    tally = Tally()
    tiny(2 * TINY, 1, tally)
    assert tally.false == 0
    assert tally.total == 2 * TINY
    assert tally.refused.total() > TINY / 2
    assert {"file", "steps", "case", "cases"} & set(tally.refused)
