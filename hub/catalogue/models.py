"""Services, and which of them depend on which."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.database import Base, Tenant, database_now


class Dependency(Base):
    """The first service needs the second."""

    __tablename__ = "service_dependencies"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "service_id"], ["services.organization_id", "services.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["organization_id", "depends_on_id"], ["services.organization_id", "services.id"], ondelete="CASCADE"
        ),
        Index("service_dependencies_back", "organization_id", "depends_on_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    service_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    depends_on_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)


class Service(Tenant, Base):
    """A service by the name that alerts and incidents give it."""

    __tablename__ = "services"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str]
    owner: Mapped[str] = mapped_column(server_default="")
    repository: Mapped[str] = mapped_column(server_default="")
    procedures: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=database_now())
    updated_at: Mapped[datetime] = mapped_column(server_default=database_now(), onupdate=database_now())

    needed: Mapped[list["Service"]] = relationship(
        secondary="service_dependencies",
        primaryjoin=lambda: (
            (Service.organization_id == Dependency.organization_id) & (Service.id == Dependency.service_id)
        ),
        secondaryjoin=lambda: (
            (Service.organization_id == Dependency.organization_id) & (Service.id == Dependency.depends_on_id)
        ),
        order_by="Service.name",
        lazy="selectin",
        viewonly=True,
    )

    @property
    def depends_on(self) -> list[str]:
        """The names of the services that this one needs."""
        return [service.name for service in self.needed]
