"""How much one tenant may define: each bound has a setting of its own, and whoever meets it is told both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from schemas.base import Reject


class Quotas(Struct, frozen=True, kw_only=True):
    """What is allowed of groups, keywords and words to a tenant, and of keywords and bytes to a definition.

    {"groups": 10000, "rule_keywords": 1000, "keywords": 100000, "definition_bytes": 65536, "reply_bytes": 4096,
     "description_bytes": 4096, "consent_words": 200}
    """

    groups: int = 10_000
    rule_keywords: int = 1_000
    keywords: int = 100_000
    definition_bytes: int = 65_536
    reply_bytes: int = 4_096
    description_bytes: int = 4_096
    consent_words: int = 200

    def says(self, name: str) -> str:
        """Tell a bound, and by which setting it is another."""
        return f"{_OF[name]}, {getattr(self, name)} at most (ROLLCALL_MAX_{name.upper()})"

    def refuse_definition(self, data: Any, keywords: int) -> Reject | None:
        """Say what is too much in a group's definition, or in its new words; `keywords` are those of its rule."""
        if keywords > self.rule_keywords:
            return self._refuse("data.rule", "rule_keywords")
        return (
            self._refuse_text("data.description", data.description, "description_bytes")
            or self._refuse_text("data.reply", data.reply, "reply_bytes")
            or self.refuse_words(data, "join_words", "leave_words")
            or (self._refuse(f"data.{_largest(data)}", "definition_bytes") if self.is_large(data) else None)
        )

    def refuse_record(self, data: Any) -> Reject | None:
        """Say what is too much in a tenant's record."""
        for name in ("help_reply", "opt_out_reply", "opt_in_reply"):
            refused = self._refuse_text(f"data.{name}", getattr(data, name), "reply_bytes")
            if refused is not None:
                return refused
        return self.refuse_words(data, "opt_out_words", "opt_in_words")

    def refuse_words(self, data: Any, *names: str) -> Reject | None:
        """Say which list of words goes beyond what is allowed of all of them."""
        count = 0
        for name in names:
            words: Sequence[str] | UnsetType = getattr(data, name)
            count += 0 if words is UNSET else len(words)
            if count > self.consent_words:
                return self._refuse(f"data.{name}", "consent_words")
        return None

    def is_large(self, definition: Any) -> bool:
        """Whether a definition takes too many bytes as JSON."""
        return len(msgspec.json.encode(definition)) > self.definition_bytes

    def _refuse_text(self, path: str, text: Any, name: str) -> Reject | None:
        large = isinstance(text, str) and len(text.encode(errors="replace")) > getattr(self, name)
        return self._refuse(path, name) if large else None

    def _refuse(self, path: str, name: str) -> Reject:
        return Reject("quota_exceeded", f"{path}: {self.says(name)}")


def _largest(data: Struct) -> str:
    """Name the field that takes the most."""
    said: dict[str, Any] = {
        name: value for name in data.__struct_fields__ if (value := getattr(data, name)) is not UNSET
    }
    return max(said, key=lambda name: 0 if said[name] is UNSET else len(msgspec.json.encode(said[name])))


_OF = {
    "groups": "groups of a tenant",
    "rule_keywords": "keywords of a rule",
    "keywords": "keywords of all rules of a tenant",
    "definition_bytes": "bytes of a definition",
    "reply_bytes": "bytes of a reply",
    "description_bytes": "bytes of a description",
    "consent_words": "words of consent of a tenant and its groups",
}
REASONS = {
    "too_many_groups": "groups",
    "too_many_keywords": "keywords",
    "too_many_words": "consent_words",
    "definition_too_large": "definition_bytes",
}
"""The quotas that a tenant's actor holds, in the order of the log, by the reason of the outcome."""
DEFAULT = Quotas()
