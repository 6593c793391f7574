"""The compile database of a build folder, a file an entry."""

import json
import re
from pathlib import Path

INCLUDED = re.compile(r'^#include "([^"]+)"$', re.MULTILINE)


def entries(build):
    """(folder, source, command) of each source. CMake's list names the files that it makes of several sources
    (Rooms.cmake, TOGETHER); here each of these has that command as if it were compiled by itself."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = Path(entry["directory"], entry["file"])
        parts = INCLUDED.findall(source.read_text()) if source.parent.name == "Unity" else []
        for part in map(Path, parts or [source]):
            yield entry["directory"], part.resolve(), entry["command"].replace(entry["file"], str(part))
