"""Simulated angiograms with aneurysms: data to try, test and compare detectors with."""

from medtk_monai.phantom.case import PhantomCase, make_phantom_case
from medtk_monai.phantom.dataset import write_phantom_dataset

__all__ = ["PhantomCase", "make_phantom_case", "write_phantom_dataset"]
