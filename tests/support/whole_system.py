"""A program for tests: the whole real system with the demo organisation, until its input ends.

    python -m tests.support.whole_system FOLDER

Prints one JSON line when it serves. In a process of its own, because one process can start Ray and
Serve only once with a clear head, and because tests kill parts of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from infra.logs import configure_logs
from infra.settings import Settings
from infra.valkey import free_port
from serve.run import system


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    settings = Settings(
        data_dir=folder,
        port=free_port(),
        log_level="warning",
        gateway_replicas=2,
        demo=True,
        decisions_file_s=2.0,
        policies_dir=folder / "policies",
    )
    configure_logs(settings)
    with system(settings, quiet=True) as running:
        assert running.valkey is not None
        found = {
            "http_url": running.http_url,
            "ws_url": running.ws_url,
            "redis_url": running.redis_url,
            "sql_url": settings.sql_url,
            "issuer": settings.base_url,
            "keys_dir": str(settings.keys_dir),
            "valkey_pid": running.valkey.pid,
        }
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
