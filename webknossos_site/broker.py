"""The embedded broker: kombu's folder of message files, where each is written and taken whole.

As kombu writes a message, a worker can meet the file before its content: it would lose the message
and end over it. As kombu takes one, it moves it to the machine's temporary directory, where a move
to another file system can be seen half done.
"""

import time
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """Messages are `<time>_<unique>.<queue>.msg`; names with a dot in front are passed over."""

    # kombu's two base classes disagree about a name.
    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        file = Path(self.data_folder_out, f"{time.time_ns()}_{uuid4()}.{queue}.msg")
        aside = file.with_name(f".{file.name}")
        aside.write_text(dumps(payload))
        aside.replace(file)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """The oldest message. Raises Empty."""
        for file in sorted(Path(self.data_folder_in).iterdir()):
            if file.name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = file.with_name(f".taken-{file.name}")
            try:
                file.rename(taken)
            except FileNotFoundError:
                continue  # another worker was faster
            content = taken.read_text()
            taken.unlink()
            return loads(content)
        raise Empty


class Transport(filesystem.Transport):
    """What Celery is told to use."""

    Channel = Channel
