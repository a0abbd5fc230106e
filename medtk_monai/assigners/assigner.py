from __future__ import annotations

from typing import Protocol

from medtk_monai.structures import Assignment, Prediction, Priors, Target


class Assigner(Protocol):
    """Decides which prior of an image learns which object."""

    def __call__(self, priors: Priors, target: Target, prediction: Prediction | None = None) -> Assignment:
        """P priors and the objects of one image -> for each prior an object, NEGATIVE or IGNORED.

        Every object gets at least one prior as long as there are enough. Priors of ignored objects, and those whose center lies in
        one, are ignored.
        """
        ...
