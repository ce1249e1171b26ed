"""Messages to token ids and pixels: the one way for local inference, SFT and RL.

The chat template is rendered once for each shape of a conversation, with a place-holder for every text: a text never
meets the template. Only the template's own words can become special tokens; the texts are put in afterwards and
tokenised without any. An image's tokens and pixels are those that the model's own processor makes, and stand where the
image stands.
"""

from rag_reasoner.encoding.encoder import Encoded, Encoder, encode, encoder_of
from rag_reasoner.encoding.pixels import LoadImage

__all__ = ["Encoded", "Encoder", "LoadImage", "encode", "encoder_of"]
