"""The options of all commands, each declared once: groups of options, and what is made of them."""
