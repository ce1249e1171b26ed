"""Asking servers: one deadline, few retries, small replies, and no key in anything that is shown."""
