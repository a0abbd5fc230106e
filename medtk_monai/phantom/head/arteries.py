"""The circle of Willis of one head, with its feeders and first branches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from medtk_monai.phantom.head.calibers import SideVariant, draw_diameters, draw_variants
from medtk_monai.phantom.head.curves import Warp, curvature, curve_through, meander, resample, tangents, wobble
from medtk_monai.phantom.head.look_alikes import add_infundibulum, bulge_at, cut_to_stump, sharpest_bend
from medtk_monai.phantom.head.template import BASILAR, JUNCTION, SIDE
from medtk_monai.phantom.head.tubes import LookAlike, Site, Tube, end_site
from medtk_monai.phantom.paths import unit

SMALLEST = 0.25
"""Radius below which no artery is drawn, mm."""


@dataclass
class Arteries:
    """What has been drawn so far.

    Attributes:
        warp: from template to this head.
        tubes: by name and side, as ``ica_right``; ``ba`` has none.
        sites: where aneurysms may grow.
        look_alikes: what resembles one.
        ends: names of tubes that go on as smaller branches.
    """

    warp: Warp
    tubes: dict[str, Tube] = field(default_factory=dict)
    sites: list[Site] = field(default_factory=list)
    look_alikes: list[LookAlike] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)

    def site(self, name: str, kind: str, tube: Tube, index: int, direction: NDArray) -> None:
        """Notes a place where an aneurysm may grow."""
        self.sites.append(Site(name, kind, tube.points[index], unit(direction), float(tube.radii[index])))


def draw_arteries(rng: Generator, warp: Warp) -> Arteries:
    """Both carotids, the basilar artery and what comes from them, with the variants that people have."""
    arteries = Arteries(warp)
    variants = draw_variants(rng)
    diameters = (draw_diameters(rng), draw_diameters(rng))
    sides = (("right", 1.0), ("left", -1.0))
    for (side, sign), variant, sizes in zip(sides, variants, diameters):
        _add_carotid(rng, arteries, side, sign, variant, sizes)
    _add_basilar(rng, arteries, variants, diameters[0])
    for (side, sign), variant, sizes in zip(sides, variants, diameters):
        _add_posterior(rng, arteries, side, sign, variant, sizes)
        _add_external(rng, arteries, side, sign, sizes)
    _add_anterior(rng, arteries, variants, diameters)
    _make_look_alikes(rng, arteries)
    return arteries


def lay(
    rng: Generator, arteries: Arteries, line: NDArray, diameters: tuple[float, float], name: str, wave: tuple[float, float] = (0.5, 9.0)
) -> Tube:
    """A tube along a template's line: warped, its inner points jittered, its caliber tapering and uneven.

    Args:
        rng: source of randomness.
        arteries: of the head.
        line: (K, 3) mm of the template.
        diameters: mm, where it begins and ends.
        name: of the tube.
        wave: amplitude and wavelength of its meander, mm.
    """
    line = line.copy()
    if len(line) > 3:
        line[1:-1] += rng.standard_normal((len(line) - 2, 3)) * min(0.7, 0.4 * wave[0] + 0.35)
    points = resample(meander(rng, curve_through(arteries.warp(line)), *wave))
    share = np.linspace(0, 1, len(points))
    radii = 0.5 * (diameters[0] + (diameters[1] - diameters[0]) * share) * wobble(rng, len(points), 0.05, 4.0)
    return Tube(name, points, radii, flow_of(radii) * wobble(rng, len(points), 0.04, 5.0))


def flow_of(radii: NDArray) -> NDArray:
    """Slow blood in narrow arteries is saturated: share of the signal of fresh blood."""
    return 0.58 + 0.42 * (1 - np.exp(-np.maximum(radii - 0.2, 0) / 0.75))


def _line(name: str, sign: float) -> NDArray:
    return np.array(SIDE[name]) * [sign, 1, 1]


def _branch(rng: Generator, arteries: Arteries, name: str, key: str, sign: float, parent: Tube, diameters: tuple[float, float]) -> Tube:
    """A branch that begins on the centerline of its parent, wherever that has moved to."""
    tube = lay(rng, arteries, _line(name, sign), diameters, name, (0.7, 7.0))
    start = parent.points[parent.nearest(tube.points[0])]
    fade = np.clip(1 - np.linalg.norm(tube.points - tube.points[0], axis=1) / 12, 0, 1)[:, None]
    tube = Tube(name, tube.points + fade * (start - tube.points[0]), tube.radii, tube.flow)
    arteries.tubes[key] = tube
    arteries.ends.append(key)
    return tube


def _scaled(diameters: tuple[float, float], factor: float) -> tuple[float, float]:
    return diameters[0] * factor, diameters[1] * factor


def _add_carotid(rng: Generator, arteries: Arteries, side: str, sign: float, variant: SideVariant, sizes: dict) -> None:
    """Internal carotid and middle cerebral artery; the carotid supplies less where A1 is narrow."""
    factor = 0.82 + 0.18 * variant.a1
    ica = lay(rng, arteries, _line("ica", sign), _scaled(sizes["ica"], factor), "ica", (0.35, 14.0))
    length = len(ica.points)
    near = ica.nearest(arteries.warp(_line("ophthalmic", sign)[:1])[0])
    wide, narrow = sizes["ica"][0] * factor / 2, sizes["ica"][1] * factor / 2
    shape = np.interp(np.arange(length), [0, near - 12, near + 4, length - 1], [wide, wide * 0.97, (wide + narrow) / 2, narrow])
    ica = Tube("ica", ica.points, shape * wobble(rng, length, 0.05, 5.0), ica.flow)
    # Blood whirls in the siphon and dephases there.
    bend = np.linalg.norm(curvature(ica.points), axis=1) * ica.radii
    loss = np.convolve(np.clip(bend, 0, 1), np.ones(9) / 9, "same") * rng.uniform(0.1, 0.6)
    ica = Tube("ica", ica.points, ica.radii, np.maximum(ica.flow * (1 - loss), 0.35))
    arteries.tubes[f"ica_{side}"] = ica
    arteries.sites.append(end_site("ica_terminus", ica))
    outward = -curvature(ica.points)
    arteries.site("ica_paraclinoid", "sidewall", ica, near + int(rng.integers(-2, 7)), outward[near] * 3 + [0, 0, rng.uniform(-1, 1)])
    genu = ica.nearest(arteries.warp(np.array([[10.2 * sign, 15, -6]]))[0])
    arteries.site("ica_cavernous", "sidewall", ica, genu, outward[genu])
    _branch(rng, arteries, "ophthalmic", f"ophthalmic_{side}", sign, ica, sizes["ophthalmic"])
    _branch(rng, arteries, "choroidal", f"choroidal_{side}", sign, ica, sizes["choroidal"])
    _add_middle(rng, arteries, side, sign, variant, sizes)


def _add_middle(rng: Generator, arteries: Arteries, side: str, sign: float, variant: SideVariant, sizes: dict) -> None:
    m1 = _line("m1", sign)
    m1 = m1[0] + (m1 - m1[0]) * [variant.m1, 1, 1]
    trunk = lay(rng, arteries, m1, sizes["m1"], "m1", (0.8, 9.0))
    arteries.tubes[f"m1_{side}"] = trunk
    arteries.sites.append(end_site("mca_bifurcation", trunk))
    middle = len(trunk.points) // 2
    arteries.site("m1", "sidewall", trunk, middle, rng.standard_normal(3))
    names = ["m2_superior", "m2_inferior", "m2_middle"][: variant.trunks]
    for name in names:
        factor = rng.uniform(0.8, 1.1) * (0.85 if variant.trunks == 3 else 1.0)
        line = _line(name, sign)
        line[0] = m1[-1]
        tube = lay(rng, arteries, line, _scaled(sizes["m2"], factor), name, (1.0, 7.0))
        arteries.tubes[f"{name}_{side}"] = tube
        arteries.ends.append(f"{name}_{side}")
    if rng.random() < 0.6:
        _branch(rng, arteries, "m2_temporal", f"m2_temporal_{side}", sign, trunk, (1.4, 1.1))


def _add_basilar(rng: Generator, arteries: Arteries, variants: tuple[SideVariant, SideVariant], sizes: dict) -> None:
    """A basilar artery that is narrower where it feeds no posterior cerebral artery."""
    factor = 0.8 + 0.1 * sum(min(variant.p1, 1.0) for variant in variants)
    line = np.array(BASILAR)
    line[1:-1, 0] += rng.normal(0, 2.2) * np.array([0.7, 1.0, 0.6])
    basilar = lay(rng, arteries, line, _scaled(sizes["ba"], factor), "ba", (0.5, 12.0))
    arteries.tubes["ba"] = basilar
    arteries.sites.append(end_site("basilar_tip", basilar))
    arteries.site("vertebrobasilar", "bifurcation", basilar, 1, tangents(basilar.points)[1] + rng.standard_normal(3))


def _add_posterior(rng: Generator, arteries: Arteries, side: str, sign: float, variant: SideVariant, sizes: dict) -> None:
    basilar, ica = arteries.tubes["ba"], arteries.tubes[f"ica_{side}"]
    joined = np.concatenate([_line("va", sign)[::-1], (np.array(JUNCTION) * [sign, 1, 1])[1:]])
    vertebral = lay(rng, arteries, joined, _scaled(sizes["va"], variant.va), "va", (0.9, 10.0))
    arteries.tubes[f"va_{side}"] = vertebral
    if variant.pica:
        pica = _branch(rng, arteries, "pica", f"pica_{side}", sign, vertebral, sizes["pica"])
        where = vertebral.nearest(pica.points[0])
        arteries.site("va_pica", "bifurcation", vertebral, where, tangents(vertebral.points)[where] + 0.7 * rng.standard_normal(3))
    if variant.aica:
        _branch(rng, arteries, "aica", f"aica_{side}", sign, basilar, sizes["aica"])
    for number in range(variant.scas):
        sca = _branch(rng, arteries, "sca", f"sca_{side}{number or ''}", sign, basilar, _scaled(sizes["sca"], 1 - 0.25 * number))
        where = basilar.nearest(sca.points[0])
        arteries.site("basilar_sca", "bifurcation", basilar, where, tangents(sca.points)[2] + tangents(basilar.points)[where])
    if variant.p1:
        p1 = lay(rng, arteries, _line("p1", sign), _scaled(sizes["p1"], variant.p1), "p1", (0.5, 7.0))
        arteries.tubes[f"p1_{side}"] = p1
        arteries.site("pca", "bifurcation", p1, len(p1.points) - 1, tangents(p1.points)[-1])
    p2 = lay(rng, arteries, _line("p2", sign), sizes["p2"], "p2", (0.8, 9.0))
    arteries.tubes[f"p2_{side}"] = p2
    arteries.sites.append(end_site("pca", p2))
    for name in ("p3", "parietooccipital"):
        arteries.tubes[f"{name}_{side}"] = lay(rng, arteries, _line(name, sign), (1.4, 1.0), name, (1.0, 7.0))
        arteries.ends.append(f"{name}_{side}")
    _branch(rng, arteries, "p2_temporal", f"p2_temporal_{side}", sign, p2, (1.3, 0.9))
    if variant.pcom:
        pcom = _branch(rng, arteries, "pcom", f"pcom_{side}", sign, ica, _scaled(sizes["pcom"], variant.pcom))
        arteries.ends.remove(f"pcom_{side}")
        where = ica.nearest(pcom.points[0])
        arteries.site("ica_pcom", "bifurcation", ica, where, tangents(pcom.points)[2] + [0.5 * sign, 0, -0.4])
    else:
        where = ica.nearest(arteries.warp(_line("pcom", sign)[:1])[0])
        arteries.site("ica_pcom", "sidewall", ica, where, np.array([0.5 * sign, -1, -0.4]))


def _add_external(rng: Generator, arteries: Arteries, side: str, sign: float, sizes: dict) -> None:
    """Arteries of scalp, face and meninges: slower blood."""
    for name in ("temporal", "occipital", "meningeal", "maxillary"):
        tube = lay(rng, arteries, _line(name, sign), sizes[name], name, (1.8, 8.0))
        arteries.tubes[f"{name}_{side}"] = Tube(name, tube.points, tube.radii, tube.flow * rng.uniform(0.75, 1.0))


def _add_anterior(rng: Generator, arteries: Arteries, variants: tuple[SideVariant, SideVariant], sizes: tuple[dict, dict]) -> None:
    """A1, communicating artery, A2 and on; in 2 % both A2 are one (Lehecka et al., Neurosurgery 2008: azygos), in 4 % there are three."""
    azygos = rng.random() < 0.02
    middle = arteries.warp(np.array([[0, 22.8, 11.7]]))[0]
    for side, sign, variant, size in zip(("right", "left"), (1.0, -1.0), variants, sizes):
        if variant.a1:
            line = _line("a1", sign)
            line[-1, 0] *= 0 if azygos else 1
            a1 = lay(rng, arteries, line, _scaled(size["a1"], variant.a1), "a1", (0.7, 8.0))
            arteries.tubes[f"a1_{side}"] = a1
            arteries.site("acom", "bifurcation", a1, len(a1.points) - 2, tangents(a1.points)[-1] + [-0.5 * sign, 0.5, rng.normal(0, 0.5)])
            arteries.site("a1", "sidewall", a1, int(len(a1.points) * rng.uniform(0.1, 0.7)), rng.standard_normal(3))
    for number, sign in enumerate([1.0] if azygos else [1.0, -1.0, 0.15][: 2 + (rng.random() < 0.04)]):
        _add_distal_anterior(rng, arteries, ("right", "left", "third")[number], 0.05 if azygos else sign, sizes[number % 2], azygos)
    ends = [np.array([x, 22.5, 11.5]) for x in (1.8, 0.0, -1.8)]
    needed = not all(variant.a1 for variant in variants)
    if not azygos and (needed or rng.random() < 0.85):
        ends[1] = ends[1] + [0, rng.normal(0.2, 0.5), rng.normal(0.2, 0.5)]
        arteries.tubes["acom"] = lay(rng, arteries, np.array(ends), _scaled(sizes[0]["acom"], 1.25 if needed else 1.0), "acom", (0.1, 3.0))
    for index in range(2):
        arteries.sites.append(
            Site("acom", "bifurcation", middle, unit(np.array([0, 1.0, 0.3 + index]) + 0.7 * rng.standard_normal(3)), 1.0)
        )


def _add_distal_anterior(rng: Generator, arteries: Arteries, side: str, sign: float, sizes: dict, azygos: bool) -> None:
    a2 = lay(rng, arteries, _line("a2", sign), _scaled(sizes["a2"], 1.3 if azygos else 1.0), "a2", (0.9, 8.0))
    arteries.tubes[f"a2_{side}"] = a2
    arteries.sites.append(end_site("pericallosal", a2))
    narrow = 0.75 if side == "third" else 1.0
    for name, diameters in (("pericallosal", (1.6, 1.1)), ("callosomarginal", (1.4, 1.0))):
        tube = lay(rng, arteries, _line(name, sign), _scaled(diameters, narrow), name, (0.9, 7.0))
        arteries.tubes[f"{name}_{side}"] = tube
        arteries.ends.append(f"{name}_{side}")
    _branch(rng, arteries, "frontopolar", f"frontopolar_{side}", sign, a2, (1.1, 0.8))


def _make_look_alikes(rng: Generator, arteries: Arteries) -> None:
    """Infundibula where narrow branches leave the carotid, wide junctions, stumps, tight loops."""
    tubes, found = arteries.tubes, arteries.look_alikes
    for key in [k for k in tubes if k.split("_")[0] in ("pcom", "choroidal", "ophthalmic", "sca", "pica")]:
        parent = (
            tubes["ba"] if key.startswith("sca") else tubes[("va_" if key.startswith("pica") else "ica_") + key.split("_")[1].rstrip("1")]
        )
        if rng.random() < (0.25 if key.startswith("pcom") else 0.1):
            tubes[key], found_one = add_infundibulum(rng, tubes[key], float(parent.radii[parent.nearest(tubes[key].points[0])]))
            found.append(found_one)
    for key in [k for k in tubes if k.startswith(("m1", "a1", "ba", "ica"))]:
        if rng.random() < 0.12:
            tubes[key], found_one = bulge_at(rng, tubes[key])
            found.append(found_one)
    if rng.random() < 0.25:
        key = str(rng.choice([k for k in tubes if k.startswith(("m2", "sca", "aica", "p2_temporal"))]))
        tubes[key], found_one = cut_to_stump(rng, tubes[key])
        found.append(found_one)
        arteries.ends = [end for end in arteries.ends if end != key]
    found += [loop for tube in tubes.values() if (loop := sharpest_bend(tube)) is not None]
