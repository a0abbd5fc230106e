"""Jobs that are killed and taken up again: ``python -m tests.kills``, see ``__main__``."""
