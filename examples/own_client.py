"""An integration in forty lines: a shop's program asks for help and prints what it is told.

python -m examples.own_client http://127.0.0.1:8000 demo "Where is my parcel?"
"""

from __future__ import annotations

import asyncio
import sys

from actors.frames import Event, Message, Position
from examples.signing_in import Api
from serve.client import CommandRefused, CustomerClient


async def ask(url: str, site: str, question: str) -> None:
    """Ask one question, print the conversation until it is closed."""
    api = Api(url)
    token = await api.visitor_token(site)
    async with CustomerClient(api.socket_url, token) as client:
        try:
            await client.start(subject=question)
            await client.say(question)
        except CommandRefused as refused:
            print(f"Not now ({refused.code}): {refused.detail}")
            return
        async for event in client.events():
            match event:
                case Message(body=body, from_=person) if body and person.role != "customer":
                    print(f"{person.name or person.id}: {body.text}")
                    client.read(event.session)
                case Position(position=position):
                    print(f"You are number {position}.")
                case Event(kind="closed"):
                    return
                case _:
                    pass


if __name__ == "__main__":
    asyncio.run(ask(*sys.argv[1:4]))
