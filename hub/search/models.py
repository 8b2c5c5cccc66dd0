"""Documents and their chunks, partitioned by organization."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import ARRAY, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from hub.database import Base, Tenant, database_now

DIMENSIONS = 384


class Document(Tenant, Base):
    """What search indexes of one incident, procedure or solution."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("organization_id", "kind", "source_id"),
        Index("documents_names", "names", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("documents_services", "services", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("documents_tags", "tags", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("documents_created", "organization_id", "created_at"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str]
    source_id: Mapped[UUID]
    title: Mapped[str]
    services: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    severities: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    status: Mapped[str] = mapped_column(server_default="")
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    names: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    text_hash: Mapped[bytes]
    model: Mapped[str]
    created_at: Mapped[datetime]
    indexed_at: Mapped[datetime] = mapped_column(server_default=database_now())


class DocumentChunk(Base):
    """A part of a document with its vector; `text` is as people wrote it, its names not yet split."""

    __tablename__ = "chunks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "document_id"], ["documents.organization_id", "documents.id"], ondelete="CASCADE"
        ),
        Index("chunks_lexemes", "lexemes", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index(
            "chunks_embedding",
            "embedding",
            postgresql_using="hnsw",
            postgresql_with={"m": 16, "ef_construction": 64},
            postgresql_ops={"embedding": "halfvec_cosine_ops"},
        ),
        Index("chunks_text_hash", "organization_id", "text_hash", "model"),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    document_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    lexemes: Mapped[Any] = mapped_column(TSVECTOR)
    text_hash: Mapped[bytes]
    model: Mapped[str]
    embedding: Mapped[Any] = mapped_column(HALFVEC(DIMENSIONS))


class Vocabulary(Base):
    """What is common among an organization's words: lexeme → share of its chunks, 0 to 1; and whose vectors it has."""

    __tablename__ = "vocabularies"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    chunk_count: Mapped[int] = mapped_column(server_default="0")
    common: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    written: Mapped[int] = mapped_column(server_default="0")
    models: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")


class Confirmation(Base):
    """A procedure that people have carried out to its end in an incident with this name."""

    __tablename__ = "confirmations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "execution_id"], ["executions.organization_id", "executions.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["organization_id", "procedure_id"], ["procedures.organization_id", "procedures.id"], ondelete="CASCADE"
        ),
        Index("confirmations_name", "organization_id", "name"),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    execution_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    procedure_id: Mapped[UUID]
