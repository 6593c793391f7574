"""Kills whichever rank has a certain item in hand."""

import os
import struct
import threading


class Poison(threading.Thread):
    """Sends a signal to whichever rank has an item in hand, whenever one has."""

    def __init__(self, run, item, blow):
        super().__init__(daemon=True)
        self.run_directory, self.item, self.blow = run, item.encode(), blow
        self.struck = set()
        self.ends = threading.Event()
        self.start()

    def run(self):
        while not self.ends.wait(0.005):
            for path in self.run_directory.glob("status/*/*"):
                try:
                    record = path.read_bytes()
                except OSError:
                    continue
                if b"denoising item " + self.item not in record:
                    continue
                _, pid = struct.unpack_from("<ii", record, 8)
                if pid not in self.struck:
                    self.struck.add(pid)
                    try:
                        os.kill(pid, self.blow)
                    except ProcessLookupError:
                        pass

    def stop(self):
        self.ends.set()
        self.join()
