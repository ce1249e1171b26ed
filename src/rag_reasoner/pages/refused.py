"""Why a file, a page or an image is not read: in words for the person who gave it, never a library's own message."""


class Refused(Exception):
    """Raised inside the worker; its text reaches the caller as the reason of an `Unreadable`."""
