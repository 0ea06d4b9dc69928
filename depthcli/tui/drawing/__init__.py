"""Text of exact width: styled lines, numbers, layout, and what a terminal can do.

It knows nothing about books, symbols or keys.
"""
