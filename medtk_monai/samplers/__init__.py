"""Samplers: ``sampler(assignment, hardness, generator) -> mask`` of the priors that enter the classification loss."""

from medtk_monai.samplers.all_sampler import AllSampler
from medtk_monai.samplers.hard_negative_sampler import HardNegativeSampler
from medtk_monai.samplers.ohem_sampler import OHEMSampler
from medtk_monai.samplers.random_sampler import RandomSampler
from medtk_monai.samplers.sampler import Sampler

__all__ = ["AllSampler", "HardNegativeSampler", "OHEMSampler", "RandomSampler", "Sampler"]
