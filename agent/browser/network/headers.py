"""Header fields as they stand on the wire."""

from __future__ import annotations


class Headers(list[tuple[bytes, bytes]]):
    """Ordered ``(name, value)`` pairs; names keep their casing, values are without surrounding white space.

    The methods compare names without regard to case.
    """

    def get(self, name: bytes) -> bytes | None:
        """The first value of ``name``, or None."""
        wanted, size = name.lower(), len(name)
        for field, value in self:
            if len(field) == size and field.lower() == wanted:  # most names differ in length: no copy is made of them
                return value
        return None

    def get_all(self, name: bytes) -> list[bytes]:
        """Every value of ``name`` in order."""
        wanted, size = name.lower(), len(name)
        return [value for field, value in self if len(field) == size and field.lower() == wanted]

    def put(self, name: bytes, value: bytes) -> None:
        """Put ``value`` where ``name`` first stands and drop its repetitions; append the field where it is absent."""
        wanted = name.lower()
        place = next((index for index, (field, _) in enumerate(self) if field.lower() == wanted), len(self))
        self[place:] = [(name, value)] + [pair for pair in self[place:] if pair[0].lower() != wanted]

    def drop(self, name: bytes) -> None:
        """Drop every field called ``name``."""
        wanted, size = name.lower(), len(name)
        self[:] = [pair for pair in self if len(pair[0]) != size or pair[0].lower() != wanted]

    def tokens(self, name: bytes) -> frozenset[bytes]:
        """The members of a comma-separated field such as ``Connection``, in lower case."""
        return frozenset(token.strip().lower() for value in self.get_all(name) for token in value.split(b","))
