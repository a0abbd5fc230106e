"""Simulated angiograms with aneurysms: data to try, test and compare detectors with."""

from medtk_monai.phantom.case import PhantomCase, make_phantom_case
from medtk_monai.phantom.dataset import write_head_dataset, write_phantom_dataset
from medtk_monai.phantom.head.case import HeadCase, make_head_case

__all__ = ["HeadCase", "PhantomCase", "make_head_case", "make_phantom_case", "write_head_dataset", "write_phantom_dataset"]
