"""From a head to the magnitude image of a time-of-flight angiogram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.head.texture import draw_lattice, texture
from medtk_monai.phantom.head.tissue import Contrast
from medtk_monai.phantom.head.vessel_map import VesselMap
from medtk_monai.phantom.head.view import View


@dataclass(frozen=True)
class Scanner:
    """Settings of one acquisition.

    Args:
        noise: standard deviation of each channel, as a share of the signal of fresh blood.
        slabs: how many overlapping ones were acquired, from below.
        dip: share of the signal that is lost where two of them meet.
        saturation: share of its signal that slow blood loses on its way up through one slab.
        shading: standard deviation of the logarithm of the coil's sensitivity.
        apodized: share of k-space that fades out at its border, 0 for a sharp cut.
    """

    noise: float
    slabs: int
    dip: float
    saturation: float
    shading: float
    apodized: float


def draw_scanner(rng: Generator) -> Scanner:
    """From one thick slab at 1.5 T to four thin ones at 3 T."""
    slabs = int(rng.choice([1, 2, 3, 4], p=[0.3, 0.15, 0.3, 0.25]))
    dip = rng.uniform(0.0, 0.22) if slabs > 1 else 0.0
    saturation = rng.uniform(0.15, 0.6) / slabs**0.5
    return Scanner(float(rng.uniform(0.035, 0.09)), slabs, dip, saturation, float(rng.uniform(0.04, 0.16)), float(rng.uniform(0.1, 0.8)))


def draw_contrast(rng: Generator) -> Contrast:
    """Signal of tissue as a share of that of fresh blood: spoiled gradient echoes with short TR, often with magnetization transfer."""
    brain = rng.uniform(0.24, 0.36)
    fat = rng.uniform(0.4, 0.75) if rng.random() < 0.65 else rng.uniform(0.15, 0.3)
    return {
        "gray": brain * rng.uniform(1.02, 1.12),
        "white": brain,
        "fluid": brain * rng.uniform(0.5, 0.75),
        "muscle": brain * rng.uniform(0.75, 1.0),
        "fat": fat,
        "bone": 0.05,
        "marrow": fat * rng.uniform(0.5, 0.9),
        "air": 0.004,
        "skin": brain * rng.uniform(1.0, 1.3),
        "eye": brain * 0.45,
        "mucosa": brain * rng.uniform(1.1, 1.5),
        "plexus": brain * rng.uniform(1.0, 1.4),
        "vein": rng.uniform(0.22, 0.4) if rng.random() < 0.7 else rng.uniform(0.4, 0.6),
    }


def blood_signal(rng: Generator, vessels: VesselMap, scanner: Scanner, slab: View) -> NDArray[np.float32]:
    """Signal of blood at each voxel: fresh where it enters a slab from below, the less the slower it goes on upwards; streaks of slower blood."""
    share = _height(vessels.view, slab) * scanner.slabs
    place = (np.clip(share, 0, scanner.slabs - 1e-3) % 1).astype(np.float32)
    slow = np.clip(1.25 - vessels.flow, 0.15, 1)
    streaks = np.exp(np.float32(rng.uniform(0.05, 0.14)) * texture(draw_lattice(rng), vessels.view, 2.4))
    return vessels.flow * streaks * (1 - np.float32(scanner.saturation) * place * (0.35 + slow))


def scan_magnitude(
    rng: Generator, tissue: NDArray, occupancy: NDArray, blood: NDArray, scanner: Scanner, view: View, slab: View, interpolation: NDArray
) -> NDArray[np.float32]:
    """The magnitude image, 1 for fresh blood without noise: partial volume, slab profile, coil, k-space as acquired, noise.

    Args:
        rng: source of randomness.
        tissue: signal beside vessels.
        occupancy: share of blood.
        blood: its signal.
        scanner: its settings.
        view: the voxels.
        slab: the whole of what was scanned.
        interpolation: (3,) by what k-space is filled up with zeros.
    """
    image = (tissue + occupancy * (blood - tissue)).astype(np.float32)
    image *= _profile(view, slab, scanner)
    image *= np.exp(np.float32(scanner.shading) * texture(draw_lattice(rng), view, 55.0))
    # Filtered noise is weaker; what is asked for is that of the image.
    sigma = np.float32(scanner.noise * np.sqrt(interpolation.prod()))
    signal = np.empty(image.shape, dtype=np.complex64)
    signal.real, signal.imag = image, 0
    signal.real += sigma * rng.standard_normal(image.shape, dtype=np.float32)
    signal.imag += sigma * rng.standard_normal(image.shape, dtype=np.float32)
    return np.abs(_as_acquired(signal, interpolation, scanner.apodized))


def _as_acquired(signal: NDArray, interpolation: NDArray, apodized: float) -> NDArray:
    """What is left of a complex image when only the inner part of k-space was acquired, its border faded out."""
    for axis, factor in enumerate(interpolation):
        size = signal.shape[axis]
        frequency = np.abs(np.fft.fftfreq(size)) * 2 * factor
        window = np.clip((1 - frequency) / max(apodized, 1e-3), 0, 1)
        window = (0.5 - 0.5 * np.cos(np.pi * window)).astype(np.float32)
        signal = scipy.fft.fft(signal, axis=axis, overwrite_x=True)
        signal *= window.reshape([-1 if other == axis else 1 for other in range(3)])
        signal = scipy.fft.ifft(signal, axis=axis, overwrite_x=True)
    return signal


def _height(view: View, slab: View) -> NDArray:
    """(1, 1, Z) share of the slab's thickness below each slice of a view."""
    shift = slab.to_grid(view.corner)[2]
    return ((view.axes()[2] + shift) / slab.grid.extent[2])[None, None]


def _profile(view: View, slab: View, scanner: Scanner) -> NDArray[np.float32]:
    """(1, 1, Z) excitation across slabs: weaker at their borders."""
    share = np.clip(_height(view, slab), 0, 1) * scanner.slabs
    to_border = np.abs(share - np.round(share)) / scanner.slabs * slab.grid.extent[2]
    inner = (np.round(share) > 0) & (np.round(share) < scanner.slabs)
    ends = np.where(inner, scanner.dip, 0.35)
    return (1 - ends * np.exp(-((to_border / 3.0) ** 2))).astype(np.float32)
