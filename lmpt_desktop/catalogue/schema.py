"""The catalogue's tables (SQLAlchemy Core).

Verdicts are in ``annotations``, ``declared_absent`` and ``reviewed``; ``journal``
holds every change ever made to them, and they can be rebuilt from it.  Times are microseconds
since the epoch, UTC.  A change here needs a migration in ``migrations/versions``: a new
catalogue is made from this module, an older one is migrated.  A test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

APPLICATION_ID = 0x4C4D5054
"""PRAGMA application_id of our files: "LMPT"."""

HEAD = "0012"
"""The newest migration; here so that an up-to-date catalogue opens without alembic."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

folders = Table(
    "folders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("added_at", Integer, nullable=False),
    Column("hidden", Integer, nullable=False, server_default="0"),
    # st_dev when it was last scanned: tells a deleted folder from a disk that is not connected
    Column("device", Integer),
    sqlite_autoincrement=True,
)

images = Table(
    "images",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("folder_id", ForeignKey("folders.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    Column("sidecar_mtime_ns", Integer, nullable=False, server_default="0"),
    Column("fingerprint", Text, nullable=False, server_default=""),
    Column("width", Integer),
    Column("height", Integer),
    Column("taken", Text),
    Column("state", Text, nullable=False, server_default="ok"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("caption", Text, nullable=False, server_default=""),
    Column("caption_source", Text, nullable=False, server_default=""),
    Column("added_at", Integer, nullable=False),
    Column("ctime_ns", Integer, nullable=False, server_default="0"),
    # Of all bytes, and of the compressed picture without metadata; "" if not read yet
    Column("file_hash", Text, nullable=False, server_default=""),
    Column("picture_hash", Text, nullable=False, server_default=""),
    # 1: the picture was edited after it was annotated, and the user has not looked at it since
    Column("edited", Integer, nullable=False, server_default="0"),
    # Not shown. 1: missing, and all that was known of it has gone to another image; 2: left out by
    # the ignore list, with all that is known of it; 3: a companion, shown with another image
    Column("superseded", Integer, nullable=False, server_default="0"),
    # 1: the end of the file is missing
    Column("damaged", Integer, nullable=False, server_default="0"),
    # Of the table cameras; 0 if the photo names none, or was not asked yet
    Column("camera_id", Integer, nullable=False, server_default="0"),
    UniqueConstraint("folder_id", "path"),
    CheckConstraint("state IN ('ok', 'missing', 'unreadable')", name="state"),
    sqlite_autoincrement=True,
)
Index("ix_images_fingerprint", images.c.fingerprint)
Index("ix_images_picture_hash", images.c.picture_hash)
Index("ix_images_missing", images.c.id, sqlite_where=text("state = 'missing'"))

# Other random bytes after every change of an image (IMAGE_TRIGGERS), so that what is kept of the
# images elsewhere knows which state it is of; empty before the first
image_state = Table("image_state", metadata, Column("token", LargeBinary, nullable=False))
IMAGE_TRIGGERS = tuple(
    f"CREATE TRIGGER image_state_after_{verb.lower()} AFTER {verb} ON images "
    "BEGIN UPDATE image_state SET token = randomblob(16); END"
    for verb in ("INSERT", "UPDATE", "DELETE")
)

cameras = Table(
    "cameras",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

# What a photo says of itself, as JSON ("" if nothing); none where no version has read it yet
photo_details = Table(
    "photo_details",
    metadata,
    Column("image_id", ForeignKey("images.id"), primary_key=True),
    Column("details", Text, nullable=False),
)

classes = Table(
    "classes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("position", Integer, nullable=False),
    Column("colour", Text, nullable=False, server_default=""),
    Column("archived", Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)
Index(
    "uq_classes_name_key",
    classes.c.name_key,
    unique=True,
    sqlite_where=text("archived = 0"),
)

class_aliases = Table(
    "class_aliases",
    metadata,
    Column("class_id", ForeignKey("classes.id"), primary_key=True),
    Column("alias_key", Text, primary_key=True),
    Column("alias", Text, nullable=False),
    Column("position", Integer, nullable=False),
    sqlite_with_rowid=False,
)

batches = Table(
    "batches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("undoes", ForeignKey("batches.id")),
    # What the undo menu calls it: the user's text, or one made from the other columns.
    Column("label", Text, nullable=False, server_default=""),
    Column("images", Integer, nullable=False, server_default="0"),
    Column("changes", Integer, nullable=False, server_default="0"),
    # The class and the verdict of every change; NULL if they are several
    Column("class_id", ForeignKey("classes.id")),
    Column("verdict", Integer),
    sqlite_autoincrement=True,
)
Index("ix_batches_undoes", batches.c.undoes)

class_sets = Table(
    "class_sets",
    metadata,
    Column("id", Integer, primary_key=True),
    # The members' ids, ascending, separated by commas; identifies the set
    Column("classes", Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

class_set_members = Table(
    "class_set_members",
    metadata,
    Column("class_set_id", ForeignKey("class_sets.id"), primary_key=True),
    Column("class_id", ForeignKey("classes.id"), primary_key=True),
    sqlite_with_rowid=False,
)

annotations = Table(
    "annotations",
    metadata,
    Column("image_id", ForeignKey("images.id"), primary_key=True),
    Column("class_id", ForeignKey("classes.id"), primary_key=True),
    Column("verdict", Integer, nullable=False),
    Column("at", Integer, nullable=False),
    Column("source", Text, nullable=False),
    CheckConstraint("verdict IN (0, 1)", name="verdict"),
    sqlite_with_rowid=False,
)

# Classes that a review declared absent and that were not annotated since; a class of an image is
# in a row here or in annotations, never in both.
declared_absent = Table(
    "declared_absent",
    metadata,
    Column("image_id", ForeignKey("images.id"), primary_key=True),
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
    Column("at", Integer, nullable=False),
    Column("class_set_id", ForeignKey("class_sets.id"), nullable=False),
    # Ids of classes in the set that the row does not declare absent, separated by commas
    Column("besides", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

reviewed = Table(
    "reviewed",
    metadata,
    Column("image_id", ForeignKey("images.id"), primary_key=True),
    Column("at", Integer, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("image_id", ForeignKey("images.id"), nullable=False),
    # NULL: the row records a review of the image: its mark (verdict 1 or NULL; unchanged if
    # before and after are equal) and, if there is a class set, the classes (except those in
    # ``besides``) that it declared absent at ``declared_at`` (``after_source`` is "reviewed") or
    # no longer declares absent (``before_source`` is "reviewed").
    Column("class_id", ForeignKey("classes.id")),
    # NULL verdicts are "unknown"
    Column("before_verdict", Integer),
    Column("before_at", Integer),
    Column("before_source", Text),
    Column("after_verdict", Integer),
    Column("after_at", Integer),
    Column("after_source", Text),
    Column("class_set_id", ForeignKey("class_sets.id")),
    Column("besides", Text, nullable=False, server_default=""),
    Column("declared_at", Integer),
    sqlite_autoincrement=True,
)
Index("ix_journal_batch_id", journal.c.batch_id)

# What a batch changed in the vocabulary: the changed classes before and after it, as JSON
vocabulary_steps = Table(
    "vocabulary_steps",
    metadata,
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
)

# What became of an image: its annotations followed to the successor in a batch, or must not
successors = Table(
    "successors",
    metadata,
    Column("image_id", ForeignKey("images.id"), primary_key=True),
    Column("successor_id", ForeignKey("images.id"), primary_key=True),
    # The successor is a copy, an edited version, or was chosen by the user
    Column("reason", Text, nullable=False),
    # "unlike": compared, and another photo; "declined": the user refused or took it back
    Column("state", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("batch_id", ForeignKey("batches.id")),
    CheckConstraint("reason IN ('copy', 'edit', 'chosen')", name="reason"),
    CheckConstraint("state IN ('followed', 'unlike', 'declined')", name="state"),
    sqlite_with_rowid=False,
)
Index("ix_successors_successor_id", successors.c.successor_id)
Index("ix_successors_batch_id", successors.c.batch_id)

# A file that is shown as part of another image: the raw file beside a JPEG of the same name
companions = Table(
    "companions",
    metadata,
    Column("image_id", ForeignKey("images.id"), primary_key=True),
    Column("shown_id", ForeignKey("images.id"), nullable=False),
    # Since when: verdicts given to the shown image later are about both
    Column("at", Integer, nullable=False),
)
Index("ix_companions_shown_id", companions.c.shown_id)

# Another library that was merged into this one, by the batch that did it
merges = Table(
    "merges",
    metadata,
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
    # Whose it is: what the user reads beside its answers
    Column("name", Text, nullable=False),
)

# Where a merged library says the opposite, and the user decides later
conflicts = Table(
    "conflicts",
    metadata,
    Column("image_id", ForeignKey("images.id"), primary_key=True),
    Column("class_id", ForeignKey("classes.id"), primary_key=True),
    Column("batch_id", ForeignKey("merges.batch_id"), primary_key=True),
    # The other library's verdict
    Column("verdict", Integer, nullable=False),
    # When this library's was given: with another one the conflict is answered
    Column("mine_at", Integer, nullable=False),
    CheckConstraint("verdict IN (0, 1)", name="verdict"),
    sqlite_with_rowid=False,
)

# What we wrote into the side file of a photo, to be able to take exactly that back
side_files = Table(
    "side_files",
    metadata,
    # Absolute
    Column("path", Text, primary_key=True),
    # The photo beside which it lay when it was written
    Column("image_id", ForeignKey("images.id"), nullable=False),
    # How side files are called: "photo.ext.xmp" or "photo.xmp"
    Column("naming", Text, nullable=False),
    Column("digest", Text, nullable=False),
    # Of the file before we wrote to it for the first time; "" if there was none
    Column("base_digest", Text, nullable=False),
    # JSON: [start, stop, text] of the edits that take it back
    Column("back", Text, nullable=False),
    # JSON: keywords that we added, by list
    Column("names", Text, nullable=False),
    # Digest of the verdicts that it says; "" while it is being written
    Column("verdicts", Text, nullable=False),
    Column("at", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_side_files_digest", side_files.c.digest)
Index("ix_side_files_image_id", side_files.c.image_id)

feature_chunks = Table(
    "feature_chunks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("backbone", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("dim", Integer, nullable=False),
    # Before the features, so that reading the ids of a chunk reads no feature pages.
    Column("ids", LargeBinary, nullable=False),
    Column("fingerprints", LargeBinary, nullable=False),
    Column("features", LargeBinary, nullable=False),
    # Last, for the same reason.  How many each photo has follows from their length, which SQLite
    # keeps at the beginning of the row; a number of its own would lie behind the features.
    Column("windows", LargeBinary, nullable=True),
    sqlite_autoincrement=True,
)
Index("ix_feature_chunks_backbone", feature_chunks.c.backbone)

text_embeddings = Table(
    "text_embeddings",
    metadata,
    Column("backbone", Text, primary_key=True),
    Column("variant", Text, primary_key=True),
    Column("text", Text, primary_key=True),
    Column("embedding", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("folder", Text, nullable=False),
    Column("backbone", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("finished_at", Integer),
    Column("pid", Integer),
    Column("pid_created", Float),
    Column("message", Text, nullable=False, server_default=""),
    Column("settings", Text, nullable=False, server_default="{}"),
    sqlite_autoincrement=True,
)

prompt_sets = Table(
    "prompt_sets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id")),
    Column("folder", Text, nullable=False),
    Column("backbone", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("metrics", Text, nullable=False, server_default="{}"),
    Column("discarded", Integer, nullable=False, server_default="0"),
    # The user's note
    Column("name", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
    # JSON: what it was learned from, and the class id of each of its class names
    Column("data", Text, nullable=False, server_default="{}"),
    Column("class_ids", Text, nullable=False, server_default="{}"),
    sqlite_autoincrement=True,
)

promotions = Table(
    "promotions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("backbone", Text, nullable=False),
    # NULL: back to zero-shot
    Column("prompt_set_id", ForeignKey("prompt_sets.id")),
    # 1: a roll-back; 0: a promotion
    Column("back", Integer, nullable=False, server_default="0"),
    Column("at", Integer, nullable=False),
    sqlite_autoincrement=True,
)

held_out = Table(
    "held_out",
    metadata,
    Column("image_id", ForeignKey("images.id"), primary_key=True),
    Column("at", Integer, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

_BESIDES_TABLES = (
    *(
        f"CREATE TRIGGER journal_keeps_{verb.lower()} BEFORE {verb} ON journal "
        "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    *IMAGE_TRIGGERS,
    "INSERT INTO image_state VALUES (x'')",
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
    f"INSERT INTO alembic_version VALUES ('{HEAD}')",
)


def create(connection: Connection) -> None:
    """Make in an empty file what all migrations would have made, at a tenth of the time.

    Within the caller's transaction.
    """
    metadata.create_all(connection, checkfirst=False)
    for statement in _BESIDES_TABLES:
        connection.exec_driver_sql(statement)
