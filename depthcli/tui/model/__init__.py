"""What the screen shows, and how: plain data and state.

It knows nothing of terminals, colours or widths, and nothing of `views`: it can be tested without
a screen.
"""
