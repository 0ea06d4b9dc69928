"""Text of exact width: styled lines, numbers, layout, and what a terminal can do.

It knows nothing of books, symbols or keys: whoever draws brings those.
"""
