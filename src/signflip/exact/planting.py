"""A search over sets of flips that begins below the root: some flips are made, others are left."""

from signflip.compiled import compiled
from signflip.exact.ahead import place
from signflip.exact.frames import Counts, Rules, State
from signflip.exact.geometry import Geometry
from signflip.exact.rows import Rows
from signflip.exact.sets import descend, take


@compiled()
def plant(geometry: Geometry, rows: Rows, need: Counts, rules: Rules, s: State, count: int) -> bool:
    """Flip the first neurons of a root's list, for good; whether any rival may win then.

    What is left to search are the sets of all of them and some of the rest of the list.
    """
    for frame in range(count):
        neuron = take(frame, rows, rules, s)
        if not descend(frame, neuron, rows, need, s):
            s.top[0] = -1
            return False
        s.top[0] = frame + 1
        if frame + 1 < count:  # the last is placed when the search begins
            place(frame, neuron, geometry, s.span)
            s.fresh[frame + 1] = False
    for frame in range(count):
        s.next[frame] = s.length[frame]
        for rival in range(s.hopeful.shape[1]):
            s.hopeful[frame, rival] = False
    return True
