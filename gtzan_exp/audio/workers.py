"""Parallel map over tracks, in processes of this machine or of a cluster."""

import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, Literal, TypeVar

from gtzan_exp.basics.errors import ConfigError, MissingExtraError, Mistake

Backend = Literal["loky", "dask", "ray"]
"""Processes of this machine, or those of a Dask or a Ray cluster."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_unordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    n_jobs: int,
    backend: Backend = "loky",
    address: str | None = None,
) -> Generator[Result]:
    """Return a generator of ``function(item)`` in order of completion, each on a single thread.

    `function` must be picklable; `items` are consumed lazily, so that memory does not grow with
    their number. A cluster, the connected one or that of the scheduler at `address`, uses all its
    workers instead of `n_jobs`. Closing the generator cancels what is not finished. Raises
    `MissingExtraError` if the package of the backend is not installed; `ConfigError` if there is no
    cluster.
    """
    from joblib import Parallel, delayed, parallel_config

    work = delayed(partial(_on_one_thread, function))
    cluster = ExitStack()
    with parallel_config(**_connect(backend, address, cluster), n_jobs=n_jobs):
        # Ray's pool returns all results at once.
        pool = Parallel(return_as="list" if backend == "ray" else "generator_unordered")

    def results() -> Generator[Result]:
        with cluster, warnings.catch_warnings():
            # Closing the generator cancels tasks on purpose.
            warnings.filterwarnings("ignore", ".*have been cancelled", UserWarning)
            yield from pool(work(item) for item in items)

    return results()


def _on_one_thread(function: Callable[[Item], Result], item: Item) -> Result:
    import cv2
    from threadpoolctl import threadpool_limits

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(limits=1):
            return function(item)
    finally:
        cv2.setNumThreads(threads)


def _connect(backend: Backend, address: str | None, cluster: ExitStack) -> dict[str, Any]:
    """Return the arguments of `joblib.parallel_config` for a backend."""
    try:
        match backend:
            case "loky":
                return {"backend": "loky", "inner_max_num_threads": 1}
            case "dask":
                return {"backend": "dask", "client": _dask_client(address, cluster)}
            case "ray":
                import ray
                from ray.util.joblib import register_ray

                if address:
                    ray.init(address=address, ignore_reinit_error=True)
                register_ray()
                return {"backend": "ray"}
    except ImportError as error:
        raise MissingExtraError(f"backend={backend}", backend, backend) from error


def _dask_client(address: str | None, cluster: ExitStack) -> Any:
    """Return a client of the scheduler, or the existing one."""
    from distributed import Client, get_client

    try:
        if address is None:
            return get_client()
        return cluster.enter_context(Client(address, set_as_default=False))
    except (ValueError, OSError) as error:
        got = address or "none connected"
        raise ConfigError(
            Mistake("backend=dask", "no cluster", "address=tcp://HOST:PORT of a scheduler", got)
        ) from error
