"""Damaged inputs for every reader: python -m tests.fuzz [READER ...] [--seconds 300] [--seed N] [--out FOLDER] [--first N].

Inputs are those that the package writes, with bits, bytes or values changed. Each is read as its command would, in a process of its own
that may take 10 s and 2 GB more than it had. Right is what a user can go on with: it is read, or told in one line. Everything else is a
find: an error with a traceback, a hang, a death. One of each place in the code is kept, in FOLDER/READER/NUMBER: the changed files, and
fault.txt.
"""

import argparse
import filecmp
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

from tests.fuzz.readers import READERS
from tests.fuzz.worker import Worker


def fuzz(name, seconds, seed=0, out=None, first=0):
    """Counts of outcomes, and the faults found: place -> (number of the input, outcome, how often)."""
    counts, faults = Counter(), {}
    with tempfile.TemporaryDirectory(prefix="medtk-fuzz-") as place:
        worker = Worker(name, Path(place) / "w", seed)
        try:
            intact = worker(-1)
            if intact.is_fault:
                raise RuntimeError(f"the undamaged input of {name} is not read: {intact.text}")
            start, number = perf_counter(), first
            while perf_counter() - start < seconds:
                outcome = worker(number)
                counts[outcome.kind] += 1
                if outcome.is_fault:
                    key = f"{outcome.kind} {outcome.place or outcome.text}"
                    if key not in faults and out is not None:
                        _keep(worker, Path(out) / name / str(number), outcome)
                    faults[key] = (faults.get(key, (number,))[0], outcome, faults.get(key, (0, 0, 0))[2] + 1)
                number += 1
        finally:
            worker.close()
    return counts, faults


def _keep(worker, target, outcome):
    """The files of the input at hand that differ from the seed's."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in sorted(worker.input.rglob("*")):
        original = worker.folder / "seed" / path.relative_to(worker.input)
        if path.is_file() and original.exists() and not filecmp.cmp(path, original, shallow=False):
            (target / path.relative_to(worker.input)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target / path.relative_to(worker.input))
    (target / "fault.txt").write_text(f"{outcome.kind} {outcome.place}\n{outcome.text}\n")


def main():
    """Fuzzes the readers named, or all, and exits with 1 if there are faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(READERS)}")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--out", help="folder for the finds")
    given = parser.parse_args()
    total = 0
    for name in given.readers or READERS:
        counts, faults = fuzz(name, given.seconds, given.seed, given.out, given.first)
        told = " ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
        sys.stdout.write(f"{name}: {sum(counts.values())} inputs, {told or 'none'}\n")
        for key, (number, _, count) in faults.items():
            sys.stdout.write(f"    {key}: {count} times, first {number}\n")
        sys.stdout.flush()
        total += len(faults)
    sys.exit(int(total > 0))


if __name__ == "__main__":
    main()
