"""`python -m benchmarks`: run the measurements and write their report."""

from __future__ import annotations

import argparse
import platform
from importlib import import_module
from pathlib import Path

from benchmarks.report import write

SECTIONS = ("events", "reads", "memory", "start", "first_book", "stream", "exchange", "screen")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("section", nargs="*", choices=[*SECTIONS, []], help="by default all")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--tiny", action="store_true", help="only see that it runs")
    options = parser.parse_args()
    sections = []
    for name in options.section or SECTIONS:
        section = import_module(f"benchmarks.{name}").measure(tiny=options.tiny)
        print(section.markdown(), flush=True)
        sections.append(section)
    where = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    write(sections, where, options.out)
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
