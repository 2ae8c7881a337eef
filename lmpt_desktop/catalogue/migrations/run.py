"""Run the migrations from code: there is no alembic.ini, the app is its own command."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def config() -> Config:
    """Alembic's settings; paths inside the package, so that a wheel works too."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def known_revisions() -> set[str]:
    """Every revision this app can start from."""
    return {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


def head() -> str | None:
    """The newest revision."""
    return ScriptDirectory.from_config(config()).get_current_head()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the catalogue on ``connection`` up to ``revision``, inside its transaction."""
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, revision)
