"""The stages of training: supervised fine-tuning, point-wise and list-wise reinforcement.

Everything in here stands on transformers, which must not be imported before torchvision is guarded.
"""

from rag_reasoner.torchvision_guard import guard

guard()
