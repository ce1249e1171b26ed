"""Folders of files, indexed once and kept up to date: what `rag-reasoner index` makes."""

from rag_reasoner.retrieve.index.folder import PageIndex, Update
from rag_reasoner.retrieve.index.manifest import Manifest, Stages

__all__ = ["Manifest", "PageIndex", "Stages", "Update"]
