"""Damaged inputs for every reader: ``python -m tests.fuzz``, see ``__main__``."""
