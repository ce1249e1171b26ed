"""The pieces of the local backend: loading, judging, writing, and writing held to a format."""
