"""The directory, as the doors ask it: who may sign in, and which sites there are."""

from __future__ import annotations

import msgspec

from infra.directory.store import Directory
from infra.settings import Settings
from serve.doors import Account, Accounts, Site, Sites


class DirectoryPeople:
    """Answers from SQL (implements `serve.doors.Accounts` and, by `get`, `serve.doors.Sites`)."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def find(self, org: str, login: str) -> Account | None:
        """Return the account, None if there is none."""
        found = await self._directory.find(org, login)
        return None if found is None else msgspec.convert(found, Account, from_attributes=True)

    async def get(self, key: str) -> Site | None:
        """Return the site, None if there is none with that key."""
        found = await self._directory.site(key)
        return None if found is None else msgspec.convert(found, Site, from_attributes=True)


async def directory_people(settings: Settings) -> tuple[Sites, Accounts]:
    """Open the directory for one gateway process."""
    people = DirectoryPeople(Directory(settings.sql_url))
    return people, people
