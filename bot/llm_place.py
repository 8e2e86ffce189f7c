"""Where a language model is, for whoever may have to ask one."""

from __future__ import annotations

import msgspec


class LlmPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the model is. `url` ends before `/chat/completions`; `key` may be empty."""

    url: str
    model: str
    key: str = ""
    max_tokens: int = 400
