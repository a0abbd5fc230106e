"""Phantoms that look like heads: the circle of Willis in its surroundings, as MR and CT scanners show it."""
