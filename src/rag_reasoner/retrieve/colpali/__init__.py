"""Pages found by sight: their images are encoded by a late-interaction vision model, and found by MaxSim.

Importing this loads no torch: a model does.
"""

from rag_reasoner.retrieve.colpali.encoder import EncodedPage, EncodedQuery, PageEncoder
from rag_reasoner.retrieve.colpali.regions import regions, similarity_map
from rag_reasoner.retrieve.colpali.retriever import Added, ColPaliRetriever

__all__ = ["Added", "ColPaliRetriever", "EncodedPage", "EncodedQuery", "PageEncoder", "regions", "similarity_map"]
