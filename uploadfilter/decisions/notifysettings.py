"""Settings of the notifications to the operator's own system."""

from dataclasses import dataclass

from uploadfilter.webhooks import check_url, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """Your own system, which is told of matches and of what needs a person.

    Attributes:
        url: ``https://URL`` (or ``http://`` on this machine) that gets each
            notification as JSON by POST. Empty for none.
        secret: The key that signs each POST: 24 to 64 bytes in Base64, as ``openssl
            rand -base64 32`` makes them; needed with a URL.
    """

    url: str = ""
    secret: str = ""

    def __post_init__(self) -> None:
        """Refuse a URL that others could read, and messages that nobody could check."""
        if not self.url:
            return
        for name, check in (("url", check_url), ("secret", key_of)):
            try:
                check(getattr(self, name))
            except ValueError as exc:
                raise ValueError(f"{name} {exc}") from exc
