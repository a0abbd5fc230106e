"""Jobs that are killed at random moments, and while they write: python -m tests.kills [JOB ...] [--kills 100] [--seed N] [--signals kill].

A job is done once without a break. Then it is started, killed, and started again by the same command, a few times, until it comes to its
end, and what it leaves is compared with what the unbroken one left. Jobs run in copies of this process, which has imported everything.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.kills.jobs import JOBS, clear, make_data, prepare
from tests.kills.trial import Tally, judge, trial, unbroken


def kill(name, data, kills, seed=0, kinds=("kill",)):
    """The tally of at least so many kills of a job."""
    rng, tally, folder, reference = random.Random(f"{name}/{seed}"), Tally(), data.folder / "out", data.folder / "reference"
    prepare(name, data)
    job = JOBS[name](data)
    clear(folder)
    clear(reference)
    unbroken(job, folder, data.folder / "reference.log")
    clear(folder)
    seconds = unbroken(job, folder, data.folder / "reference.log")  # the second time, with all files in memory
    folder.rename(reference)
    while sum(tally.kills.values()) < kills:
        clear(folder)
        trial(job, folder, seconds, rng, tally, kinds, twice=2 if name == "cache" else 1)
        judge(job, folder, reference, tally)
    return tally


def main():
    """Kills the jobs named, or all, prints a table, and exits with 1 if something was lost, wrong or left."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.kills", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", choices=[*JOBS, []], metavar="JOB", help=f"of {', '.join(JOBS)}")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signals", nargs="+", default=["kill"], choices=["kill", "term", "usr1"])
    given = parser.parse_args()
    bad = 0
    sys.stdout.write("| job | kills | jobs ended | wrong | left unfinished | failed starts |\n|---|---|---|---|---|---|\n")
    with tempfile.TemporaryDirectory(prefix="medtk-kills-") as folder:
        data = make_data(Path(folder))
        for name in given.jobs or JOBS:
            tally = kill(name, data, given.kills, given.seed, given.signals)
            told = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.kills.items()))
            sys.stdout.write(f"| {name} | {told} | {tally.trials} | {len(tally.wrong)} | {len(tally.left)} | {len(tally.failed)} |\n")
            for line in dict.fromkeys([*tally.wrong, *tally.left, *tally.failed]):
                sys.stderr.write(f"{name}: {line}\n")
            sys.stdout.flush()
            bad += len(tally.wrong) + len(tally.left) + len(tally.failed)
    sys.exit(int(bad > 0))


if __name__ == "__main__":
    main()
