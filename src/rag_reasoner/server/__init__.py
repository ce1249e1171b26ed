"""Our pipeline behind HTTP: `rag-reasoner serve`. Needs the extra `server`; nothing of it is imported before."""
