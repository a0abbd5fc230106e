"""One HTML file about findings."""
