"""What all rows have in common: flags, alternating runs, and the line that a row prints.

A row is an executable `bench/<folder>/row<N>` (README.md). In Python:

    import frame
    runs = frame.start()
    ours, yardstick = frame.alternate(measure_ours, measure_yardstick, runs)
    frame.emit("plan", ours, yardstick, unit="s", goals=[frame.ratio(1.0)])
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.setdefault("TIDEGATE_BIN", str(ROOT / "build/release/bin")))
sys.path.insert(0, str(ROOT / "tests/e2e"))

QUICK = False


def start(runs=5):
    """Reads the flags; returns how often each side is measured."""
    global QUICK
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes, one run: does it still work?")
    QUICK = parser.parse_args().quick
    return 1 if QUICK else runs


def size(full, quick):
    return quick if QUICK else full


def alternate(ours, yardstick, runs):
    """Measures both in turn; two lists of samples."""
    samples = ([], [])
    for _ in range(runs):
        samples[0].append(ours())
        samples[1].append(yardstick())
    return samples


def ratio(at_most):
    """The goal that ours is at most so many times the yardstick."""
    return {"of": "ratio", "at_most": at_most}


def value(at_most):
    """The goal that ours is at most so much, in the row's unit."""
    return {"of": "ours", "at_most": at_most}


def emit(name, ours, yardstick, unit, goals, against, **facts):
    """Prints one measured thing; a row may print several. Less is better for all of them.

    `against` says what the yardstick is; without samples of one there is no ratio. `facts` are
    further figures or remarks worth keeping.
    """
    print(json.dumps({"name": name, "ours": ours, "yardstick": yardstick, "unit": unit, "goals": goals,
                      "against": against, "facts": facts}), flush=True)


def note(text):
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


class Scratch:
    """A temporary directory on the disk that fsync is paid on; TIDEGATE_BENCH_DIR moves it."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tidegate-bench-", dir=os.environ.get("TIDEGATE_BENCH_DIR")))
        return self.path

    def __exit__(self, kind, error, trace):
        shutil.rmtree(self.path, ignore_errors=True)


def allow_many_files():
    """Thousands of sockets and journals: as many descriptors as the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
