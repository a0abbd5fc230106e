"""From what a data set is like to the values of a bundle that suit it."""

from medtk_monai.planning.facts import DataFacts, read_facts
from medtk_monai.planning.plan import Plan, Wishes, make_plan
from medtk_monai.planning.template import Template, share_matched

__all__ = ["DataFacts", "Plan", "Template", "Wishes", "make_plan", "read_facts", "share_matched"]
