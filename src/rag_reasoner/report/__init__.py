"""Results for people's eyes, in colour."""
