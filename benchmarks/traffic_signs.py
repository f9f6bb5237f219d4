"""Answers and seconds for the traffic-sign properties of VNN-COMP (or any VNN-LIB properties).

    python -m benchmarks.traffic_signs NETWORK.onnx PROPERTY.vnnlib ... [--time-limit 480]

The networks and properties are those of github.com/apostovan21/vnncomp2023; its generator makes the
properties of later years from its test images. One process, one property after the other, each as
`signflip verify` decides it; a line of JSON for each. Witnesses run in onnxruntime too, as float32;
if it has another class than the network, that is the end.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from signflip.cli.verify import TURNS, query_of
from signflip.formats.onnx_run import OnnxRuntime
from signflip.queries.decide import Decision, decide
from signflip.queries.query import Query
from signflip.zoo.named import open_network


def main() -> None:
    """Decide each property."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("properties", type=Path, nargs="+")
    parser.add_argument("--time-limit", type=float, default=480.0)
    given = parser.parse_args()
    network = open_network(str(given.network), None)
    runtime = OnnxRuntime(given.network, network)
    for method, _ in TURNS:
        if hasattr(method, "prepare"):
            method.prepare()  # compiled once; the limit is of the property alone
    for path in given.properties:
        query = query_of(network, path)
        cpu = time.process_time()
        decision = decide(query, TURNS, time_limit=given.time_limit)
        line = {
            "property": path.name,
            "answer": decision.answer.value,
            "seconds": round(decision.seconds, 1),
            "cpu": round(time.process_time() - cpu, 1),
            **_in_onnxruntime(query, decision, runtime),
        }
        print(json.dumps(line), flush=True)


def _in_onnxruntime(query: Query, decision: Decision, runtime: OnnxRuntime) -> dict[str, object]:
    """Whether the witness is one as float32, exactly, and which class onnxruntime has for it."""
    if decision.witness is None:
        return {}
    rounded = decision.witness.astype(np.float32).astype(np.float64)
    ours, theirs = (int(each.predict(rounded[None])[0]) for each in (query.network, runtime))
    if ours != theirs:
        raise SystemExit(f"a witness has class {ours}, and {theirs} in onnxruntime: report it")
    return {"as_float32": query.is_witness(rounded), "onnxruntime_class": theirs}


if __name__ == "__main__":
    main()
