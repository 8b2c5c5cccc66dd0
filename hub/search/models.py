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
    __table_args__ = (UniqueConstraint("organization_id", "kind", "source_id"),)

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str]
    source_id: Mapped[UUID]
    title: Mapped[str]
    service: Mapped[str] = mapped_column(server_default="")
    severity: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(server_default="")
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    names: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    text_hash: Mapped[bytes]
    model: Mapped[str]
    created_at: Mapped[datetime]
    indexed_at: Mapped[datetime] = mapped_column(server_default=database_now())


class DocumentChunk(Base):
    """A part of a document with its vector; `text` is what was embedded."""

    __tablename__ = "chunks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "document_id"], ["documents.organization_id", "documents.id"], ondelete="CASCADE"
        ),
        Index("chunks_lexemes", "lexemes", postgresql_using="gin"),
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
