"""The WebSocket door: wire frames in, commands to actors out, frames back to sockets.

One class per concern; nothing in this room but `shell.py` knows a web framework.

    shell.py       Starlette endpoint: handshake, hello time limit, read loop, writer
    core.py        Gateway: opens sockets, takes frames, implements `actors.ports.Receiver`
    opening.py     who is at the door: token, origin, limits
    following.py   which sessions a socket is attached to, and why
    starting.py    a customer's `start`: claim a session id, open, answer
    mapping.py     wire frame + authenticated person -> command and address (pure)
    decoding.py    bytes -> wire frames or a stable error (pure)
    bodies.py      what may be said (pure)
    connection.py  one open socket: identity, attachments, outgoing queue
    cursors.py     what a socket has already got, per session and track (pure)
    limits.py      every bound of the door; the token bucket (pure)
    table.py       all open sockets, by number, person and device
"""
