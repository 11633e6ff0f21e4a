"""Parallel map over tracks, in processes of this machine or of a cluster."""

import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack
from functools import partial
from typing import Any, Literal, TypeVar

from gtzan_exp.basics.errors import ConfigError, MissingExtraError, Mistake
from gtzan_exp.basics.process import end_with_parent

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

    `function` must be picklable; `items` are consumed lazily. A cluster, the connected one or that
    of the scheduler at `address`, uses all its workers instead of `n_jobs`. Closing the generator
    cancels what is not finished. Raises `MissingExtraError` or, without a cluster, `ConfigError`.
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

    end_with_parent()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(limits=1):
            return function(item)
    finally:
        cv2.setNumThreads(threads)


def _connect(backend: Backend, address: str | None, cluster: ExitStack) -> dict[str, Any]:
    """Return the arguments of `joblib.parallel_config` for a backend."""
    if backend == "loky":
        return {"backend": backend, "inner_max_num_threads": 1}
    try:
        if backend == "dask":
            from distributed import Client, get_client

            if address is None:
                return {"backend": backend, "client": get_client()}
            client = cluster.enter_context(Client(address, set_as_default=False))
            return {"backend": backend, "client": client}
        import ray
        from ray.util.joblib import register_ray

        if address:
            ray.init(address=address, ignore_reinit_error=True)
        register_ray()
        return {"backend": backend}
    except ImportError as error:
        raise MissingExtraError(f"backend={backend}", backend, backend) from error
    except (ValueError, OSError) as error:
        allowed, got = "address=tcp://HOST:PORT of a scheduler", address or "none connected"
        raise ConfigError(Mistake(f"backend={backend}", "no cluster", allowed, got)) from error
