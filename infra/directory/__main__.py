"""`python -m infra.directory upgrade | import FILE | export ORG [FILE]`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from actors.dispatch.guarded import use_folder
from infra.directory.declared import DeclarationError, read_file, to_yaml
from infra.directory.migrate import upgrade
from infra.directory.store import Directory
from infra.settings import Settings, SettingsError, load_settings


async def run(arguments: argparse.Namespace, settings: Settings) -> str:
    """Run one command on the configured database and return what to print."""
    settings.make_data_dir()
    use_folder(settings.policies_dir)
    directory = Directory(settings.sql_url)
    try:
        await upgrade(directory.engine)
        match arguments.command:
            case "import":
                declared = read_file(arguments.file)
                demo = {"RAYDESK_DEMO_PASSWORD": settings.demo_password.get_secret_value()}
                await directory.replace(declared, {**demo, **os.environ})
                return f"imported {declared.org}\n"
            case "export":
                found = await directory.read(arguments.org)
                if found is None:
                    raise DeclarationError(f"there is no organisation {arguments.org!r}")
                return to_yaml(found)
            case _:
                return "the database is up to date\n"
    finally:
        await directory.close()


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 1: it failed, the reason is on standard error."""
    parser = argparse.ArgumentParser(prog="python -m infra.directory")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("upgrade", help="bring the database to the newest schema")
    load = commands.add_parser("import", help="make an organisation exactly as a file says")
    load.add_argument("file", type=Path)
    save = commands.add_parser("export", help="print an organisation as a file")
    save.add_argument("org")
    try:
        sys.stdout.write(asyncio.run(run(parser.parse_args(argv), load_settings())))
    except (DeclarationError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
