"""The parsers that are fuzzed, by name."""

from __future__ import annotations

from tests.fuzz.handed import HANDED
from tests.fuzz.parsers import FILES
from tests.fuzz.servers import SERVERS

PARSERS = (*FILES, *HANDED, *SERVERS)
