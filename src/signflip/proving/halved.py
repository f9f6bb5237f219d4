"""Halves of a hard proof over two hidden layers, in Numba: as those of a long search.

What is left of a frame is split by the parity of the number of toggles: first the even half goes
on in the frame, then the odd one does from where the first began. Only one frame is halved at a
time, and all above it belong to its half; when it is left, the frame below it is halved in turn.
See `signflip.exact.parity` for what halves are worth.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from signflip.compiled import compiled, overwrite
from signflip.exact.frames import State
from signflip.proof.check import BRANCH
from signflip.proving.writing import Longs, Writer, put

NONE, EVEN, ODD = -1, 0, 1


class Halved(NamedTuple):
    """Which frame is halved, and how it was before; R rivals, K rows, m neurons."""

    due: Longs  # (1,) whether frames are to be halved
    frame: Longs  # (1,) that is, or `NONE`
    half: Longs  # (1,) which half is in hand
    literals: Longs  # (2,) what a checker calls an even number of toggles, and an odd one
    lowered: npt.NDArray[np.int16]  # (2, R, K) what sums are less in each half
    span: Longs  # (2,) where the frame's list begins and ends
    live: npt.NDArray[np.int32]  # (m,) the list
    sums: npt.NDArray[np.int16]  # (R, K)
    gain: npt.NDArray[np.int16]  # (R, K)
    hopeful: npt.NDArray[np.bool_]  # (R,)
    point: npt.NDArray[np.float32]  # (R, m)
    data: Longs  # (R,)
    age: Longs  # (R,)


def fresh_halved(
    state: State, lowered: npt.NDArray[np.int16], literals: npt.NDArray[np.int64]
) -> Halved:
    """No frame is halved, and none is to be yet.

    Args:
        state: of the search.
        lowered: (2, R, K) see `signflip.exact.parity.excess`.
        literals: (2,) what a checker calls an even number of toggles, and an odd one.
    """
    return Halved(
        due=np.zeros(1, dtype=np.int64),
        frame=np.full(1, NONE, dtype=np.int64),
        half=np.zeros(1, dtype=np.int64),
        literals=literals,
        lowered=lowered,
        span=np.zeros(2, dtype=np.int64),
        live=np.zeros_like(state.live[0]),
        sums=np.zeros_like(state.sums[0]),
        gain=np.zeros_like(state.gain[0]),
        hopeful=np.zeros_like(state.hopeful[0]),
        point=np.zeros_like(state.point[0]),
        data=np.zeros_like(state.data[0]),
        age=np.zeros_like(state.age[0]),
    )


@compiled()
def halve(frame: int, h: Halved, w: Writer, s: State) -> None:
    """Split what is left of a frame, and go on with the even half."""
    h.span[0], h.span[1] = s.next[frame], s.length[frame]
    overwrite(h.live, s.live[frame])
    overwrite(h.hopeful, s.hopeful[frame])
    overwrite(h.data, s.data[frame])
    overwrite(h.age, s.age[frame])
    for rival in range(h.data.shape[0]):
        overwrite(h.sums[rival], s.sums[frame, rival])
        overwrite(h.gain[rival], s.gain[frame, rival])
        overwrite(h.point[rival], s.point[frame, rival])
    h.frame[0] = frame
    put(BRANCH + h.literals[EVEN], w)
    _begin(EVEN, h, s)


@compiled()
def goes_on(h: Halved, s: State) -> bool:
    """Whether the frame in hand, which was closed, has an odd half to go on with; begin that."""
    if h.frame[0] != s.top[0]:
        return False
    if h.half[0] == ODD:
        h.frame[0] = NONE
        return False
    frame = s.top[0]
    s.next[frame], s.length[frame] = h.span[0], h.span[1]
    overwrite(s.live[frame], h.live)
    overwrite(s.hopeful[frame], h.hopeful)
    overwrite(s.age[frame], h.age)
    for rival in range(h.data.shape[0]):
        overwrite(s.gain[frame, rival], h.gain[rival])
        overwrite(s.point[frame, rival], h.point[rival])
        # its own curvatures may have been chosen anew, for fewer neurons
        s.data[frame, rival] = -1 if h.data[rival] == frame else h.data[rival]
    _begin(ODD, h, s)
    return True


@compiled(inner=True)
def _begin(half: int, h: Halved, s: State) -> None:
    frame = h.frame[0]
    h.half[0] = half
    for rival in range(h.sums.shape[0]):
        for k in range(h.sums.shape[1]):
            s.sums[frame, rival, k] = h.sums[rival, k] - h.lowered[half, rival, k]
        s.due[frame, rival] = True
