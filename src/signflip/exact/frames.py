"""Where the search over sets of flips stands: its frames, and what steers it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.exact.ahead import Span, fresh_span
from signflip.exact.bottom import Bottom, fresh_bottom
from signflip.exact.geometry import Geometry
from signflip.exact.joint import Doubles, Scratch, fresh_scratch
from signflip.exact.relaxation import RANK, Workspace, fresh_workspace
from signflip.exact.rows import MOST_BOUNDED, Rows

Counts = npt.NDArray[np.int64]
OWN_DATA = 64
"""Frames beyond so many flips use the curvatures of those above."""


class Rules(NamedTuple):
    """What steers the search; of no consequence to its answer."""

    bottom: int = 16  # neurons at most that are searched in blocks
    least: int = 8  # neurons above which a frame is bounded jointly
    most: int = MOST_BOUNDED  # neurons up to which it is
    fresh: int = 18  # neurons from which a frame chooses curvatures of its own
    age: int = 4  # decisions since the last choice from which it does
    near: float = 4.0  # gap from which it does
    rounds: int = 3
    sweeps: int = 4
    steps: int = 10  # of the joint bound's point
    share: float = 0.2  # of the gap that must have gone, by estimate, before the next test
    budget: float = 2.0  # weight of the ellipsoid's budget in the order of a list


class State(NamedTuple):
    """Where the search stands: T frames, `top + 1` in use; R rivals, K rows, m neurons."""

    top: Counts  # (1,)
    live: npt.NDArray[np.int32]  # (T, m) the lists
    next: Counts  # (T,) first neuron of the list that is left
    length: Counts  # (T,)
    flip: Counts  # (T,) the flip that opened the next frame
    sums: npt.NDArray[np.int16]  # (T, R, K)
    gain: npt.NDArray[np.int16]  # (T, R, K) what the list can add
    hopeful: npt.NDArray[np.bool_]  # (T, R) whether the rival may still win
    span: Span
    point: npt.NDArray[np.float32]  # (T, R, m)
    data: Counts  # (T, R) frame whose curvatures are in use, or -1
    age: Counts  # (T, R) decisions since they were chosen
    gap: npt.NDArray[np.float32]  # (T, R) of the last joint bound
    passed: npt.NDArray[np.float32]  # (T, R) what it fell by since then, by estimate
    due: npt.NDArray[np.bool_]  # (T, R) whether the rival is to be bounded
    looked: npt.NDArray[np.bool_]  # (T, R) whether it was since the list was last changed
    fresh: npt.NDArray[np.bool_]  # (T,) whether flips are yet to be tried ahead
    mu: npt.NDArray[np.float32]  # (OWN_DATA, R, K)
    variance: npt.NDArray[np.float32]  # (OWN_DATA, R, K)
    vectors: npt.NDArray[np.float32]  # (OWN_DATA, R, m, RANK)
    curve: npt.NDArray[np.int16]  # (OWN_DATA, R, K)
    root: npt.NDArray[np.int16]  # (OWN_DATA, R, K)
    diagonal: npt.NDArray[np.float64]  # (OWN_DATA, R, m)
    excess: npt.NDArray[np.float32]  # (OWN_DATA, R, m)
    drop: Counts  # (OWN_DATA, R)
    bits: Counts  # (OWN_DATA, R)
    bottom: Bottom
    scratch: Scratch
    workspace: Workspace
    score: Doubles  # (m,)
    tally: (
        Counts  # visited, geometry tests, refused, leaves, joint bounds, pruned, choices, at once
    )


def fresh_sets(geometry: Geometry, rows: Rows, sums: npt.NDArray[np.int16], rules: Rules) -> State:
    """The state of a search that has visited nothing; `sums` (R, K) at the centre."""
    rivals, size, width = rows.effect.shape
    frames, slots, most = size + 2, min(size + 2, OWN_DATA), min(size, rules.most)
    real, small = np.float32, np.int16
    state = State(
        top=np.zeros(1, dtype=np.int64),
        live=np.zeros((frames, size), dtype=np.int32),
        next=np.zeros(frames, dtype=np.int64),
        length=np.zeros(frames, dtype=np.int64),
        flip=np.zeros(frames, dtype=np.int64),
        sums=np.zeros((frames, rivals, width), dtype=small),
        gain=np.zeros((frames, rivals, width), dtype=small),
        hopeful=np.ones((frames, rivals), dtype=np.bool_),
        span=fresh_span(geometry, frames),
        point=np.full((frames, rivals, size), 0.5, dtype=real),
        data=np.full((frames, rivals), -1, dtype=np.int64),
        age=np.zeros((frames, rivals), dtype=np.int64),
        gap=np.zeros((frames, rivals), dtype=real),
        passed=np.zeros((frames, rivals), dtype=real),
        due=np.ones((frames, rivals), dtype=np.bool_),
        looked=np.zeros((frames, rivals), dtype=np.bool_),
        fresh=np.zeros(frames, dtype=np.bool_),
        mu=np.zeros((slots, rivals, width), dtype=real),
        variance=np.zeros((slots, rivals, width), dtype=real),
        vectors=np.zeros((slots, rivals, size, RANK), dtype=real),
        curve=np.zeros((slots, rivals, width), dtype=small),
        root=np.zeros((slots, rivals, width), dtype=small),
        diagonal=np.ones((slots, rivals, size)),
        excess=np.zeros((slots, rivals, size), dtype=real),
        drop=np.zeros((slots, rivals), dtype=np.int64),
        bits=np.zeros((slots, rivals), dtype=np.int64),
        bottom=fresh_bottom(rules.bottom, rivals, width),
        scratch=fresh_scratch(size, width),
        workspace=fresh_workspace(most, width),
        score=np.zeros(size),
        tally=np.zeros(8, dtype=np.int64),
    )
    begin(state, rows, sums, np.arange(size))
    return state


def begin(
    state: State, rows: Rows, sums: npt.NDArray[np.int16], neurons: npt.NDArray[np.int64]
) -> None:
    """Begin anew, with nothing visited: all sets of these neurons are to be searched."""
    count = len(neurons)
    state.top[0] = state.next[0] = 0
    state.live[0, :count] = neurons
    state.length[0] = count
    state.sums[0] = sums
    state.gain[0] = np.maximum(rows.effect[:, neurons], 0).sum(axis=1)
    state.hopeful[0] = state.due[0] = True
    state.looked[0] = state.fresh[0] = False
    state.point[0] = 0.5
    state.data[0] = -1
    state.age[0] = 0
    state.gap[0] = state.passed[0] = 0.0
    state.bottom.level[0] = -1
    state.tally[:] = 0
