"""On the path of a rule's process, it kills the rule's first try: when the first output is written and not yet named.

Which tries were killed stands in the folder KILLED, a file of the script's name each.
"""

import os
import signal
import sys
from pathlib import Path


def _script() -> str | None:
    words = sys.orig_argv
    named = [word for word in words[1:] if word.startswith("workflow_scripts.")]
    return named[0].removeprefix("workflow_scripts.") if named else None


def _kill_at_the_first_rename(marker: Path) -> None:
    def listen(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rename" and ".partial" in str(arguments[0]) and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(listen)


if (_name := _script()) is not None and "KILLED" in os.environ:
    _kill_at_the_first_rename(Path(os.environ["KILLED"], _name))
