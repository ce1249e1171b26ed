"""Special strings of chat templates, broken up in texts that go to a server: there, token ids are out of our reach.

Each is broken by one look-alike for one character, so that offsets stay; what a model quotes is mended the same way.
Our own tags are not among them: documents are shown without those anyway.
"""

import re

_NAMES = (
    "s bos eos unk pad mask cls sep sop eop img image video audio image_soft_token audio_soft_token start_of_turn "
    "end_of_turn start_of_image end_of_image end_of_utterance fake_token_around_image global-img IMG_CONTEXT "
    "box ref quad tool_call tool_response tools function_calls minimax:tool_call 2mass @"
)
_BRACKETED = (
    "INST SYSTEM_PROMPT AVAILABLE_TOOLS TOOL_CALLS TOOL_RESULTS TOOL_CONTENT ARGS CALL_ID IMG IMG_BREAK IMG_END AUDIO "
    "BEGIN_AUDIO THINK PREFIX SUFFIX MIDDLE BOS EOS CLS SEP MASK PAD UNK gMASK sMASK"
)


def _any_of(words: str) -> str:
    return "|".join(re.escape(word) for word in sorted(words.split(), key=len, reverse=True))


_AFTER = {
    "<": "|".join(
        (
            r"[|｜][^<>\n]{1,64}[|｜]>",  # ChatML, Llama 3, Qwen, Phi, GLM, DeepSeek
            rf"/?(?:{_any_of(_NAMES)})>",
            r"/?(?:extra_id_|unused|reserved_|row_|loc)[\w-]{1,32}>",
            r"</?SYS>>",
        )
    ),
    "[": rf"/?(?:{_any_of(_BRACKETED)})\]",
}
_LOOK_ALIKES = {"<": "\u02c2", "[": "\u27e6"}
_MEANT = {like: mark for mark, like in _LOOK_ALIKES.items()}
_SPECIAL = re.compile("|".join(f"{re.escape(mark)}(?={rest})" for mark, rest in _AFTER.items()))
_LONGEST = 80
"""No special string of the table is longer."""
_BROKEN = re.compile("|".join(f"{like}(?={_AFTER[mark]})" for like, mark in _MEANT.items()))


def broken_up(text: str) -> str:
    """`text`, as long as before, without any special string of the table."""
    return _SPECIAL.sub(lambda found: _LOOK_ALIKES[found[0]], text)


def mended(text: str) -> str:
    """`text` as it would read had nothing been broken up: so a quote is found in the document it is from."""
    return _BROKEN.sub(lambda found: _MEANT[found[0]], text)


def settled(text: str) -> int:
    """How many characters of `text` read the same, mended, whatever may follow it."""
    tail = max(len(text) - _LONGEST, 0)
    starts = [place for like in _MEANT if (place := text.find(like, tail)) >= 0]
    return min(starts, default=len(text))
