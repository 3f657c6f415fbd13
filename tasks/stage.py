"""What every stage's entry shares: its command line, errors a person can read, exit codes the flow understands, one
BLAS thread."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from threadpoolctl import threadpool_limits

from tasks.errors import BrokenCheckError, DataContractError, ParamsError, ShoprecError, TransientError, is_full_disk

EXIT_CODES: dict[type[ShoprecError], int] = {
    DataContractError: 2,
    BrokenCheckError: 3,
    ParamsError: 4,
    TransientError: 5,
}
"""`tasks.versioning` turns the codes back into errors."""
INTERRUPTED = 130
PROCESSES = "SHOPREC_PROCESSES"
"""Environment variable: how many folds a stage works on at once, each in a process or thread of its own. With 1, stages
that could run side by side do not either."""


def run_stage(main: Callable[[], None]) -> None:
    """Call `main` and exit: 0 when it returns, else a code of `EXIT_CODES` with the error's text on stderr.

    BLAS gets one thread: `implicit` and LightGBM thread by themselves, and two layers of threads slow each other down.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with threadpool_limits(limits=1, user_api="blas"):
        sys.exit(_code_after(main))


def exit_code(error: ShoprecError) -> int:
    """The code of `EXIT_CODES` for its kind; 1 for any other."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)


def paths(description: str | None, options: Mapping[str, str]) -> argparse.Namespace:
    """The paths of the command line, by `add_paths`.

    A usage message calls the program by the module that Python was started with, as people and `dvc.yaml` do.
    """
    started = sys.modules["__main__"].__spec__
    prog = f"python -m {started.name.removesuffix('.__main__')}" if started else None
    parser = argparse.ArgumentParser(prog=prog, description=description)
    add_paths(parser, options)
    return parser.parse_args()


def add_paths(parser: argparse.ArgumentParser, options: Mapping[str, str]) -> None:
    """An option `--name PATH` for each name and its meaning, all of them needed."""
    for name, meaning in options.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=meaning)


def processes() -> int:
    """`SHOPREC_PROCESSES`, or else 2, which is what memory was measured with. Results do not depend on it.

    Raises ParamsError where it is no whole number above 0.
    """
    value = os.environ.get(PROCESSES, "2")
    if not value.isdigit() or int(value) < 1:
        raise ParamsError(f"{PROCESSES} is '{value}', but it is a number of processes: 1 or more")
    return int(value)


def _code_after(main: Callable[[], None]) -> int:
    try:
        main()
    except ShoprecError as error:
        sys.stderr.write(f"{error}\n")
        return exit_code(error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was replaced, the next run starts this stage again\n")
        return INTERRUPTED
    except OSError as error:
        if not is_full_disk(error):
            raise
        sys.stderr.write(f"no space left while writing {error.filename or 'output'}: free some and run again\n")
        return 1
    return 0
