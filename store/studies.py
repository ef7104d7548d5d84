"""The only module that imports Optuna (about 0.4 s): its tables, and its own view of our storage."""

import optuna
from sqlalchemy import URL

from store.database import Database, set_up_sqlite


def create_optuna_tables(url: URL) -> None:
    """Let Optuna make its tables; the caller holds the schema lock, since several at once would fail."""
    storage = optuna.storages.RDBStorage(url.render_as_string(hide_password=False))
    storage.remove_session()
    storage.engine.dispose()


def optuna_storage(database: Database) -> optuna.storages.RDBStorage:
    """Optuna's own storage over the same database, with our settings for SQLite."""
    storage = optuna.storages.RDBStorage(
        database.url.render_as_string(hide_password=False),
        skip_compatibility_check=True,
        skip_table_creation=True,
    )
    if storage.engine.dialect.name == "sqlite":
        set_up_sqlite(storage.engine)
        storage.engine.dispose()  # drops connections made before the settings
    return storage
