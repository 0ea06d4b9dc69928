"""What the screen shows: a module a view, and what frames them.

A view turns a picture of a book into lines of exact width. It keeps no state and decides nothing:
what is shown, and how, is in `model`.
"""
