"""What the tests' own database servers have in common."""

import itertools
import socket

import sqlalchemy

_numbers = itertools.count()


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fresh_database(address: str) -> str:
    """The address of a new and empty database on the server at ``address``."""
    name = f"aetui_{next(_numbers)}"
    entrance = f"{address}/postgres" if address.startswith("postgresql") else address
    admin = sqlalchemy.create_engine(entrance, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return f"{address}/{name}"
