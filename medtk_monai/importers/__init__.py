"""From data sets as they are published to datalists."""
