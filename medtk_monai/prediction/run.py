"""Prediction of many scans, which can be cut off and taken up again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from tqdm import tqdm

from medtk_monai.data.content import Content
from medtk_monai.errors import DataError, OutputError, as_data_error, find_data_error
from medtk_monai.formats import read_predictions
from medtk_monai.formats.predictions import PREDICTIONS
from medtk_monai.prediction.claim import claim_folder
from medtk_monai.prediction.inputs import Scan
from medtk_monai.prediction.known import CONTENT, case_files, check_unchanged, scans_done
from medtk_monai.prediction.output_formats import output_formats
from medtk_monai.prediction.outputs import (
    CaseFiles,
    all_class_names,
    chosen_formats,
    in_todays_words,
    remove_unfinished,
    require_packages,
    write_case,
)
from medtk_monai.prediction.own_files import SETTINGS
from medtk_monai.prediction.predictor import Predictor, ScanFindings
from medtk_monai.wording import shown

logger = logging.getLogger(__name__)
COLUMNS = ("read", "preprocess", "calibrate", "network", "merge", "write")


@dataclass
class Progress:
    """What became of the scans.

    Args:
        done: of this run, with the seconds that each part took.
        skipped: done by an earlier run.
        failed: with the reason.
        unwritten: case id, or the folder of all cases -> file that could not be written -> why; the other files are there.
    """

    done: dict[str, dict[str, float]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unwritten: dict[str, dict[str, str]] = field(default_factory=dict)


def predict_scans(
    predictor: Callable[[], Predictor],
    scans: Sequence[Scan],
    out: str | Path,
    formats: Sequence[str],
    settings: Mapping[str, Any],
    class_names: Sequence[str] = (),
) -> Progress:
    """Predict scans one after another into ``out``: a folder for each, then one file of all that are done for each format that holds many.

    What an earlier run with the same settings has done is left as it is, under the name that it got then: names depend on which scans are
    given together. A scan is known by its content; one of other content under an earlier path is refused. A scan that fails does not keep
    the others from being done.

    Args:
        predictor: makes it; not called when nothing is left to do.
        formats: names or aliases; predictions.json is always written.
        settings: whatever changes the result, plain values.
        class_names: of labels; shorter ones go on with numbers.

    Raises:
        OutputError: ``out`` cannot be written; scans done so far stay done.
        DataError: it holds predictions of other settings, or of another scan of the same name or path.
    """
    out, formats = Path(out), chosen_formats(formats)
    require_packages(formats)
    claim_folder(out / SETTINGS, settings, "predictions", bool(case_files(out)), in_todays_words)
    remove_unfinished(out)
    done = scans_done(out)
    check_unchanged(scans, done)
    left = [scan for scan in scans if os.path.abspath(scan.path) not in done]
    for scan in left:
        _check_place(scan, out)
    progress = Progress(skipped=[_tell_name(scan, done[path].case_id) for scan in scans if (path := os.path.abspath(scan.path)) in done])
    if progress.skipped:
        logger.info("%d of %d scans were done before", len(progress.skipped), len(scans))
    if left:
        with tqdm(left, desc="predicting", unit="scan", disable=None) as bar:
            made, seen = predictor(), {known.content.sha256: known.case_id for known in done.values() if known.content}
            for scan in bar:
                bar.set_postfix_str(shown(scan.case_id))
                content = _predict_one(made, scan, out, formats, class_names or made.parts.class_names, progress)
                _tell_twin(scan, seen, content)
    _write_summary(out, formats, class_names, progress)
    return progress


def _predict_one(
    predictor: Predictor, scan: Scan, out: Path, formats: Sequence[str], class_names: Sequence[str], progress: Progress
) -> Content | None:
    """What the scan was, if it is done now."""
    try:
        content = Content.of(scan.path)
        prediction = predictor(scan)
        prediction = replace(prediction, case=prediction.case | {CONTENT: content.to_dict()})
        start = perf_counter()
        files = write_case(out, prediction, scan, formats, class_names)
        progress.done[scan.case_id] = prediction.seconds | {"write": perf_counter() - start}
    except OutputError:
        raise  # those of all further scans could not be written either
    except Exception as error:
        progress.failed[scan.case_id] = shown(str(as_data_error(error, scan.case_id, "predicting")))
        if find_data_error(error) is None:
            logger.error("case %r", scan.case_id, exc_info=error)
        tqdm.write(f"error: {progress.failed[scan.case_id]}")
        return None
    _tell(scan, prediction, files, progress)
    return content


def _tell_twin(scan: Scan, seen: dict[str, str], content: Content | None) -> None:
    """Warn of a scan whose files are those of another one: content -> case id of ``seen``, to which it is added."""
    if content is None:
        return
    if content.sha256 in seen:
        tqdm.write(f"warning: cases {seen[content.sha256]!r} and {scan.case_id!r} are one scan: their files are the same")
    seen.setdefault(content.sha256, scan.case_id)


def _tell(scan: Scan, prediction: ScanFindings, files: CaseFiles, progress: Progress) -> None:
    if files.failed:
        progress.unwritten[scan.case_id] = files.failed
    for kind in files.without:
        if "DICOM series" in kind.needs:
            tqdm.write(f"warning: case {scan.case_id!r} is no DICOM series, to which {kind.file_name} could refer: it gets none")
    for warning in files.warnings:
        tqdm.write(f"warning: case {scan.case_id!r}: {warning}")
    for warning in prediction.warnings:
        tqdm.write(f"warning: case {scan.case_id!r}: {warning}")
    best = max(prediction.case["scores"], default=None)
    logger.info("%s: %d findings, best %s (%s)", shown(scan.case_id), len(prediction.case["scores"]), best, prediction.look)


def _check_place(scan: Scan, out: Path) -> None:
    """Refuse a scan whose folder is that of another one."""
    path = out / scan.folder / PREDICTIONS
    if path.is_file():
        (case,) = read_predictions(path)
        what = f"{path} is of {case['image']}, not of {scan.path}"
        raise DataError(what, scan.case_id, "choose another --out: two scans have one name")


def _tell_name(scan: Scan, known: str) -> str:
    """The case id under which a scan was done."""
    if scan.case_id != known:
        tqdm.write(f"warning: {scan.path} was done before as case {known!r}, and is not done again as {scan.case_id!r}")
    return known


def _write_summary(out: Path, formats: Sequence[str], class_names: Sequence[str], progress: Progress) -> None:
    cases = [case for path in case_files(out) for case in read_predictions(path)]
    names = all_class_names(class_names, cases)
    for kind in (output_formats()[name] for name in formats):
        if kind.one_case or not all(len(case["direction"]) in kind.predicted_dims for case in cases):
            continue
        try:
            kind.write(out / kind.file_name, cases, names)
        except OutputError:
            raise
        except DataError as error:
            progress.unwritten.setdefault(str(out), {})[kind.file_name] = error.what


def timing_table(progress: Progress) -> str:
    """Seconds of each part for each scan of this run, their mean, and their shares."""
    rows = [(shown(case), times) for case, times in progress.done.items()]
    if not rows:
        return ""
    columns = [name for name in COLUMNS if any(name in times for _, times in rows)]
    mean = {name: sum(times.get(name, 0.0) for _, times in rows) / len(rows) for name in columns}
    width = max(len("seconds"), *(len(case) for case, _ in rows))
    lines = [f"{'seconds':<{width}} " + " ".join(f"{name:>10}" for name in [*columns, "total"])]
    for case, times in [*rows, ("mean", mean)] if len(rows) > 1 else rows:
        values = [times.get(name, 0.0) for name in columns]
        lines.append(f"{case:<{width}} " + " ".join(f"{value:>10.2f}" for value in [*values, sum(values)]))
    total = sum(mean.values())
    lines.append(f"{'share':<{width}} " + " ".join(f"{mean[name] / total:>10.1%}" for name in columns))
    return "\n".join(lines)
