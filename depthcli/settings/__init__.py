"""What is kept between runs: configuration, workspaces, logs, and known symbols.

It reads and writes files and environment variables. It knows nothing of books or of the screen.
"""
