"""The journal in Redis: what every actor owns, written before anyone is told."""

from infra.journal.redis_journal import RedisJournal

__all__ = ["RedisJournal"]
