"""How many visitor tokens one address, one device and one site may take."""

from __future__ import annotations

from collections.abc import Callable

from serve.sign_in import RateLimit

ADDRESS_RATE, ADDRESS_BURST = 50.0, 500.0
"""A second, from one address: whole companies share one."""
DEVICE_RATE, DEVICE_BURST = 0.2, 30.0
"""From one device of a site: a page loads again and again, but not for ever."""
SITE_RATE, SITE_BURST = 200.0, 2000.0
"""Of one site, whoever asks: a flood at one site leaves the others alone."""


class VisitorLimits:
    """Three counts; a request must find room in all of them. Soft state of one gateway."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._by_address = RateLimit(ADDRESS_RATE, ADDRESS_BURST, clock)
        self._by_device = RateLimit(DEVICE_RATE, DEVICE_BURST, clock)
        self._by_site = RateLimit(SITE_RATE, SITE_BURST, clock)

    def take(self, address: str, site: str, device: str) -> float:
        """Count one request: return 0.0 if it is allowed, else the seconds until one is.

        `device` is the page's own word for itself, '' if it has none: counted per site.
        """
        return (
            self._by_address.take(address)
            or (self._by_device.take(f"{site}\n{device}") if device else 0.0)
            or self._by_site.take(site)
        )
