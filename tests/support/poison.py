"""Kills whichever rank has a certain item in hand."""

import contextlib
import os
import threading

from ranks import ranks_of


class Poison(threading.Thread):
    """Sends a signal to whichever rank has an item in hand, whenever one has."""

    def __init__(self, run, item, blow):
        super().__init__(daemon=True)
        self.run_directory, self.item, self.blow = run, item, blow
        self.struck = set()
        self.ends = threading.Event()
        self.start()

    def run(self):
        while not self.ends.wait(0.005):
            for rank in ranks_of(self.run_directory):
                if rank.denoises(self.item) and rank.pid not in self.struck:
                    self.struck.add(rank.pid)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(rank.pid, self.blow)

    def stop(self):
        self.ends.set()
        self.join()
