"""Items of a rehearsal that last until the test has done what it is about: held_items.cpp."""

import os
import pathlib

import ditmill

SHIM = os.environ.get("DITMILL_HELD_ITEMS_SHIM", str(ditmill.BUILD / "tests" / "libditmill_held_items.so"))
SECONDS = 0.03  # `noop` of a model whose items are held; the others take so long


class HeldItems:
    """Ids that are held from now on, in a folder of their own. Only ranks that are a group by themselves hold."""

    def __init__(self, folder, ids):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        for name in ids:
            (self.folder / name).touch()
        self.environment = {"LD_PRELOAD": SHIM, "DITMILL_HELD_ITEMS": str(self.folder)}

    def release(self, *ids):
        """These, or all."""
        for path in [self.folder / name for name in ids] or list(self.folder.iterdir()):
            path.unlink()
