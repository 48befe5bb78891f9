"""Read every number of a store that a sweep wrote, and say which files are not as they were written."""

from __future__ import annotations

import argparse

HELP = "read a store of a sweep through, and name what is damaged"

_EXAMPLES = """\
examples:
  fastgd sweep sine --store run.zarr
  fastgd verify run.zarr
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder."""
    parser.usage = "fastgd verify FOLDER"
    parser.epilog = _EXAMPLES
    parser.add_argument("file", metavar="FOLDER", help="what fastgd sweep --store, or sweep(store=), wrote")


def run(arguments: argparse.Namespace) -> int:
    """Say how many tiles are finished, and name each damaged file; ValueError if there is one."""
    from fastgd.results.store.reading import Store
    from fastgd.results.store.verify import verify
    from fastgd.text import counted

    try:
        found = verify(Store.open(arguments.file))
    except ValueError as error:
        raise ValueError(f"FOLDER {str(error).removeprefix('path ')}") from None
    print(f"{arguments.file}: {found.finished:,} of {counted(found.tiles, 'tile')} finished")
    if found.left:
        print(f"  {counted(found.left, 'file')} that a writer left, or is at, which the next sweep into it removes")
    for damage in found.damaged:
        print(f"  {damage}")
    if found.damaged:
        raise ValueError(
            f"{len(found.damaged):,} of {counted(found.files, 'file')} of tiles are not as they were written; delete "
            "them, and the sweep that wrote the store runs their tiles again"
        )
    print(f"  {counted(found.files, 'file')} of tiles, each as it was written")
    return 0
