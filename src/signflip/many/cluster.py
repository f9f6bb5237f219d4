"""Tasks on a cluster: Dask distributed, through the same protocol as on one machine."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from importlib.util import find_spec

from signflip.errors import MissingExtraError, SettingError
from signflip.many.executor import Answers
from signflip.many.task import Task
from signflip.network import BinaryNetwork

_ADDRESS = re.compile(r"((tcp|tls|ws|wss|ucx)://)?[^/\s]+:(?P<port>\d{1,5})", re.ASCII)


@dataclass(frozen=True)
class DaskExecutor:
    """Runs tasks on the workers of a Dask scheduler; see `Executor`.

    Workers may come and go meanwhile. The tasks of a worker that is lost are run again by another;
    one that loses worker after worker fails. A task that goes beyond its hard limit is ended with
    its process, and fails; of one whose process ends by itself the task is tried once more.

    Attributes:
        address: of the scheduler, such as "tcp://192.168.0.1:8786".
        patience: seconds to wait while the cluster has no worker.

    Raises:
        SettingError: the address is of another form.
    """

    address: str
    _: KW_ONLY
    patience: float = 300.0

    def __post_init__(self) -> None:
        parts = _ADDRESS.fullmatch(self.address)
        if parts is None or not 1 <= int(parts["port"]) <= 65535:
            raise SettingError(
                f"the scheduler's address is {self.address!r}; it must be such as "
                "tcp://192.168.0.1:8786, which `dask scheduler` shows"
            )

    def run(self, tasks: Iterable[Task], networks: Mapping[str, BinaryNetwork]) -> Answers:
        """Run each task; see `Executor.run`.

        Raises:
            MissingExtraError: Dask is not installed here, or a solver's package on a worker.
            WorkerError: the scheduler cannot be reached or is lost, no worker comes, or a worker
                has another version of Signflip. What was yielded until then stands.
        """
        if find_spec("distributed") is None:
            raise MissingExtraError("distributed", "cluster", "a sweep on a cluster")
        from signflip.many.dask_run import run_on_cluster

        return run_on_cluster(self.address, tasks, networks, patience=self.patience)
