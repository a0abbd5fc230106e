"""A sweep as plain text."""

from __future__ import annotations

from math import isfinite

from medtk_monai.tuning.sweep import Sweep

_NUM_SHOWN = 10


def format_sweep(sweep: Sweep) -> str:
    """The best settings, what the chosen one gains, and how it is to be used."""
    name, present = sweep.goal.name, sweep.trials[0]
    ranked = sorted(sweep.trials, key=lambda trial: (-trial.value, -trial.froc_mean))[:_NUM_SHOWN]
    width = max(len(name), 5)
    lines = [f"{name:>{width}}  {'FROC mean':>9}  setting"]
    lines += [f"{trial.value:>{width}.3f}  {trial.froc_mean:>9.3f}  {trial.setting}" for trial in ranked]
    if len(sweep.trials) > _NUM_SHOWN:
        lines.append(f"... and {len(sweep.trials) - _NUM_SHOWN} more in sweep.csv")
    gain, low, high = sweep.gain.difference.value, sweep.gain.difference.low, sweep.gain.difference.high
    lines += ["", f"present: {present.setting}: {present.value:.3f}", f"chosen:  {sweep.best.setting}: {sweep.best.value:.3f}"]
    if not sweep.is_worth_something:
        lines.append("no setting is worth more than 0: nothing was chosen -- look at the findings by medtk evaluate, or train longer")
    elif sweep.best is present:
        lines.append("none is better than the present one")
    else:
        lines.append(f"gain {gain:+.3f} ({low:+.3f} to {high:+.3f}), p = {sweep.gain.p_value:.3g}, on the cases that it was chosen on")
    threshold = sweep.point.threshold
    if isfinite(threshold):
        lines.append(f"{sweep.goal.fp_per_case:g} false positives per case: scores from {threshold:.4g}")
    return "\n".join(lines)
