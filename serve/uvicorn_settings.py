"""How uvicorn serves our sockets, in a Serve replica or on its own.

Read in ray 2.60.0: Serve starts uvicorn inside the replica (`start_asgi_http_server`) with
`ws="auto"`, which is `websockets`' sans-I/O protocol, and passes no WebSocket option; nor does it
offer a setting for them. So the defaults are changed where it takes them from: `uvicorn.Config`.

- permessage-deflate off: browsers and `websockets` always ask for it, and it then costs a
  compressor and a decompressor per socket (tens of KB) and CPU per message; our frames are small.
- 1 MB a message: enough that an oversized frame (64 KB) gets its error and the socket lives; far
  from the default 16 MB that any stranger could make a replica hold.
- `DirectProtocol`: the same protocol with a short cut for whole small frames.
- ping every 20 s, dead after 20 s more: the default, below the 30-60 s at which proxies drop an
  idle connection; so no timer of ours runs per socket.
"""

from __future__ import annotations

from typing import Any

from serve.gateway.direct import DirectProtocol

MESSAGE_MAX = 1024 * 1024

OPTIONS: dict[str, Any] = {
    "ws": DirectProtocol,
    "ws_per_message_deflate": False,
    "ws_max_size": MESSAGE_MAX,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
}
