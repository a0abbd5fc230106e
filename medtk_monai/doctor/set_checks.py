"""Faults of a data set as a whole: doubles, leaks, outliers, and what is missing altogether."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np

from medtk_monai.doctor.entries import Entry
from medtk_monai.doctor.examined import Examined
from medtk_monai.doctor.faults import Fault
from medtk_monai.doctor.object_checks import named_objects

Pair = tuple[Entry, Examined]
_VISIT = re.compile(r"[_\-.](ses|session|scan|visit|v|tp|time|run|day|baseline|followup|fu|pre|post)[_\-]?\d*$", re.IGNORECASE)
"""Endings of names that tell the scans of a patient apart."""
_IMBALANCE = 20
_UNLIKELY = 0.1
"""Chance of a split without objects below which it is told."""
_CONTRASTS = 20
"""Factor by which the contrast of an image may differ from the median one's."""


def check_set(entries: Sequence[Entry], scans: Sequence[Examined], num_classes: int | None) -> Iterator[Fault]:
    """What only the cases together show."""
    pairs = list(zip(entries, scans))
    yield from _check_ids(entries)
    yield from _check_doubles(pairs)
    yield from _check_patients(entries)
    yield from _check_names(entries)
    yield from _check_intensities(pairs)
    if any(entry.label_map and scan.image and scan.label_map is None and not scan.problems for entry, scan in pairs):
        return  # only headers were read
    yield from _check_negatives(pairs)
    yield from _check_classes(pairs, num_classes)


def _grouped(pairs: Iterable[tuple[Hashable, Entry]]) -> list[list[Entry]]:
    """Groups of several entries with one key; an empty key is none."""
    groups: dict[Hashable, list[Entry]] = defaultdict(list)
    for key, entry in pairs:
        if key:
            groups[key].append(entry)
    return [group for group in groups.values() if len(group) > 1]


def _check_ids(entries: Sequence[Entry]) -> Iterator[Fault]:
    for first, *others in _grouped((entry.case_id, entry) for entry in entries):
        for entry in others:
            if entry.image == first.image and entry.image:
                continue  # told as a double
            what = f"the case id is that of {first.split}[{first.index}] as well"
            yield Fault("duplicate_case_id", what, 'give each case its own "case_id"', **entry.place, file=entry.image)


def _check_doubles(pairs: Sequence[Pair]) -> Iterator[Fault]:
    """Images that are there twice, by path or by voxels."""
    told: set[tuple[str, int]] = set()
    digests = ((scan.image.digest if scan.image and not scan.image.constant else "", entry) for entry, scan in pairs)
    for group in [*_grouped((entry.image, entry) for entry, _ in pairs), *_grouped(digests)]:
        first, *others = sorted(group, key=_precedence)
        for entry in others:
            if (entry.split, entry.index) in told:
                continue
            told.add((entry.split, entry.index))
            equal = "path" if entry.image == first.image else "voxels"
            kind = "duplicate_image" if entry.split == first.split else "duplicate_across_splits"
            what = f"the image has the {equal} of case {first.case_id!r} in {first.split}[{first.index}]"
            same = _annotation(entry) == _annotation(first)
            remedy = "remove one of the cases" if same else "their objects differ: find out which are right, and remove the other case"
            yield Fault(kind, what, remedy, **entry.place, file=entry.image, mend=same)


def _precedence(entry: Entry) -> tuple[int, int]:
    """Which of doubles is kept: the test split's, then the validation's."""
    order = ("test", "validation")
    return order.index(entry.split) if entry.split in order else len(order), entry.index


def _annotation(entry: Entry) -> object:
    keys = ("boxes", "labels", "space", "direction", "ignored", "points", "radii")
    return entry.label_map, [entry.item.get(key) or None for key in keys]


def _check_patients(entries: Sequence[Entry]) -> Iterator[Fault]:
    for group in _grouped((entry.patient, entry) for entry in entries):
        counts = Counter(entry.split for entry in group)
        if len(counts) < 2:
            continue
        home = home_of(counts)
        told = ", ".join(f"{count} in {split}" for split, count in counts.items())
        for entry in group:
            if entry.split != home:
                what = f"patient {entry.patient!r} has cases in several splits: {told}"
                yield Fault("patient_leak", what, f"move the case to {home}", **entry.place, file=entry.image, mend=home)


def home_of(counts: Counter[str]) -> str:
    """The split that a patient belongs to: that of most of the cases; test before validation before others where equally many."""
    order = ["test", "validation"]
    return max(counts, key=lambda split: (counts[split], -order.index(split) if split in order else -len(order)))


def _check_names(entries: Sequence[Entry]) -> Iterator[Fault]:
    """Cases that look like one patient's by their names, where patients are not told."""
    named = ((_VISIT.sub("", entry.case_id), entry) for entry in entries if not entry.patient and _VISIT.search(entry.case_id))
    for group in _grouped(named):
        if len({entry.split for entry in group}) > 1:
            cases = ", ".join(f"{entry.case_id} ({entry.split})" for entry in group[:4])
            what = f"cases in several splits look like one patient's by their names: {cases}"
            yield Fault("similar_names", what, 'state the patients by "patient_id"', **group[0].place)


def _check_intensities(pairs: Sequence[Pair]) -> Iterator[Fault]:
    """A note for the whole set where the contrast of images differs by far: units or exports may be mixed."""
    told = [(entry, scan.image.facts["intensity"]) for entry, scan in pairs if scan.image and scan.image.facts]
    contrasts = {entry.case_id: values[-1] - values[0] for entry, values in told if values[-1] > values[0]}
    if not contrasts:
        return
    middle = float(np.median(list(contrasts.values())))
    odd = [case for case, contrast in contrasts.items() if not 1 / _CONTRASTS < contrast / middle < _CONTRASTS]
    if odd:
        extremes = f"from {min(contrasts.values()):.4g} to {max(contrasts.values()):.4g}, median {middle:.4g}"
        what = f"contrasts of images range {extremes}; {len(odd)} are far off: {', '.join(odd[:3])}"
        yield Fault("mixed_intensities", what, "check the units; scale each image by its own percentiles, not by fixed limits")


def _check_negatives(pairs: Sequence[Pair]) -> Iterator[Fault]:
    known = [(entry, scan) for entry, scan in pairs if scan.image is not None]
    counts = [len(named_objects(entry, scan)[0]) + len(entry.points) for entry, scan in known]
    if counts and all(counts):
        what = f"all {len(counts)} cases have objects"
        yield Fault("no_negatives", what, "add cases without objects, or false alarms in healthy patients stay unknown")
    if counts and not any(counts):
        yield Fault("no_objects", f"none of {len(counts)} cases has objects", "add objects; without any the list serves inference only")
    yield from _check_empty_splits([(entry.split, count > 0) for (entry, _), count in zip(known, counts)])


def _check_empty_splits(cases: Sequence[tuple[str, bool]]) -> Iterator[Fault]:
    """Splits none of whose cases has objects, though by the share of cases without any in the other splits some should."""
    for split in dict.fromkeys(name for name, _ in cases):
        own, others = ([has for name, has in cases if (name == split) is wanted] for wanted in (True, False))
        if any(others) and not any(own) and (1 - sum(others) / len(others)) ** len(own) < _UNLIKELY:
            what = f"none of {len(own)} cases of this split has objects, {sum(others)} of {len(others)} in other splits have"
            yield Fault("no_objects", what, "look whether their annotations were found, or move cases that have some", split=split)


def _check_classes(pairs: Sequence[Pair], num_classes: int | None) -> Iterator[Fault]:
    """Classes that a split lacks, and classes that are rare."""
    counts: dict[str, Counter[int]] = {entry.split: Counter() for entry, _ in pairs}
    for entry, scan in pairs:
        counts[entry.split].update(label for label in (*named_objects(entry, scan)[1], *entry.point_labels) if label >= 0)
    total = sum(counts.values(), Counter())
    for label in sorted(set(range(num_classes or 0)) | set(total)):
        lacking = [split for split, found in counts.items() if not found[label] and any(found.values())]
        if not total[label]:
            yield Fault("absent_class", f"no object has class {label}", "add some, or count fewer classes")
        for split in lacking if total[label] else []:
            yield Fault("absent_class", f"no object of class {label} in this split", "move cases that have some", split=split)
    shown = [count for count in total.values() if count]
    if shown and max(shown) >= _IMBALANCE * min(shown):
        told = ", ".join(f"class {label}: {total[label]}" for label in sorted(total))
        yield Fault("class_imbalance", f"numbers of objects differ widely: {told}", "weigh or sample classes, or add rare objects")


def usual(values: Sequence[Hashable]) -> Hashable:
    """The most frequent value, of equally frequent ones the first."""
    return Counter(values).most_common(1)[0][0]


def ratio_to_median(values: np.ndarray) -> np.ndarray:
    """(N,) largest factor, at least 1, by which values (N, D) above 0 are off their medians."""
    logs = np.log(values)
    return np.exp(np.abs(logs - np.median(logs, axis=0)).max(axis=1))
