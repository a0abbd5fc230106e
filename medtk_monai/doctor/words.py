"""The doctor's findings as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from medtk_monai.doctor.examine import Examination
from medtk_monai.doctor.faults import SEVERITIES, Fault, count_severities
from medtk_monai.doctor.frames import count_fits
from medtk_monai.doctor.mend import Mended
from medtk_monai.wording import counted

_SHOWN_CASES = 3
_FRAMES = ("wrong_frame", "unclear_frame", "no_space")


def format_examination(examination: Examination) -> str:
    """The findings by kind, worst first, with the first cases of each, and the remedy of its first."""
    entries = examination.entries
    splits = ", ".join(f"{count} {split}" for split, count in Counter(entry.split for entry in entries).items())
    lines = [f"{len(entries)} cases ({splits})" if entries else "no cases"]
    for severity in SEVERITIES:
        found = [finding for finding in examination.findings if finding.severity == severity]
        for kind, count in Counter(finding.kind for finding in found).most_common():
            lines += _format_kind([finding for finding in found if finding.kind == kind], count)
    if any(finding.kind in _FRAMES for finding in examination.findings):
        lines += ["boxes that lie in their images, by how their numbers are read:"]
        told = count_fits(entries, examination.scans)
        lines += [f"  {count:6d}  {reading}" for reading, count in list(told.items())[:5]]
    counts = count_severities(examination.findings)
    return "\n".join([*lines, ", ".join(counted(count, severity) for severity, count in counts.items())])


def _format_kind(found: Sequence[Fault], count: int) -> list[str]:
    lines = [f"{found[0].severity}: {found[0].kind} ({count})"]
    for finding in found[:_SHOWN_CASES]:
        where = " ".join(part for part in (finding.case_id, f"[{finding.split}]" if finding.split else "") if part)
        lines.append(f"    {where}: {finding.what}" if where else f"    {finding.what}")
    if count > _SHOWN_CASES:
        cases = list(dict.fromkeys(finding.case_id for finding in found[_SHOWN_CASES:] if finding.case_id))
        lines.append(f"    and {count - _SHOWN_CASES} more: {', '.join(cases[:5])}{', ...' if len(cases) > 5 else ''}")
    return [*lines, f"    remedy: {found[0].remedy}"]


def format_mended(mended: Mended, path: str) -> str:
    """What was changed, and what remains to be done by hand."""
    lines = [f"{path}: {counted(len(mended.changes), 'finding')} mended"]
    lines += [f"    {finding.case_id or finding.split} ({finding.kind}): {done}" for finding, done in mended.changes]
    if mended.left:
        lines.append(f"left to you: {counted(len(mended.left), 'finding')}")
        lines += [f"    {finding.case_id or finding.split or 'all'} ({finding.kind}): {finding.remedy}" for finding in mended.left]
    return "\n".join(lines)
