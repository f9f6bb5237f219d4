from benchmarks.proofs_tampered import TINY, Tally, tiny


def test_nothing_false_is_accepted_and_each_refusal_says_where() -> None:
    tally = Tally()
    tiny(2 * TINY, 1, tally)
    assert tally.false == 0
    assert tally.total == 2 * TINY
    assert tally.refused.total() > TINY / 2
    assert {"file", "steps", "case", "cases"} & set(tally.refused)
