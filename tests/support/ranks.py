"""What the ranks of a run say of themselves, read as dist/liveness/rank_state.cpp lays it out."""

import contextlib
import glob
import pathlib
import struct
import typing


class Rank(typing.NamedTuple):
    rank: int
    pid: int
    said: bytes  # with what it said last, and before that

    def denoises(self, item=""):
        return f"denoising item {item}".encode() in self.said


def ranks_of(run_directory, but=()):
    """Those that have a status file now, but for some starts' folders. Ranks and starts that end take theirs away
    meanwhile, which pathlib's glob does not live with."""
    found = []
    for name in map(pathlib.Path, glob.glob(f"{glob.escape(str(run_directory))}/status/*/*")):
        with contextlib.suppress(FileNotFoundError):
            said = name.read_bytes() if name.parent not in but else b""
            if said:  # not just created
                found.append(Rank(*struct.unpack_from("<ii", said, 8), said))
    return found
