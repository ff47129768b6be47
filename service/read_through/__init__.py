"""Read-through: rows of the mirror, fetched from the remote first where they are too old.

What docs/read-through.md promises to programs is here; the rest of the room is its own affair.
"""

from service.read_through.api import ReadThrough as ReadThrough
from service.read_through.api import open_mirror as open_mirror
from service.read_through.cached_rows import CachedRows as CachedRows
from storage.reads.lookups import RowFilter as RowFilter
