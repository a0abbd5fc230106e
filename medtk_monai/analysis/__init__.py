"""Error analysis and audits of data and configuration."""

from medtk_monai.analysis.fingerprint import fingerprint_of, unusual
from medtk_monai.analysis.match_coverage import ObjectMatch, match_objects, summarize

__all__ = ["ObjectMatch", "fingerprint_of", "match_objects", "summarize", "unusual"]
