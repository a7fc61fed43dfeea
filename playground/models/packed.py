"""A JSON column kept compressed: token lists are large and repeat themselves."""

import json
import zlib
from typing import Any

from django.db import models


class PackedJSONField(models.BinaryField):  # type: ignore[type-arg]  # not generic at run time
    """Any JSON value, stored as zlib-compressed UTF-8."""

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        return zlib.compress(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), level=6)

    def from_db_value(self, value: Any, *_: Any) -> Any:
        return None if value is None else json.loads(zlib.decompress(bytes(value)))

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        return json.dumps(self.value_from_object(obj))
