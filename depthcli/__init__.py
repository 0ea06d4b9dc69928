"""Market depth that is provably the exchange's."""

__version__ = "0.1.0"
