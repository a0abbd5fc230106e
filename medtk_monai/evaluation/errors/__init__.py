"""Error analysis: what goes wrong, for which lesions and cases, and what mending it would gain."""
