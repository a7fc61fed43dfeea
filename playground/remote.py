"""What a remote model does not offer, with the reason for people: its server has tokenizer and logits."""

from inference.registry import RemoteSource
from playground.specs import Layout

# Settings that a server may not know; those of every server are the length, temperature and stop strings.
KNOBS = ("top_p", "top_k", "min_p", "seed", "repetition_penalty", "presence_penalty", "frequency_penalty")
NO_TOKENS = "Tokens are not known here: this model runs on another server."
LACKS = {
    "tokens": NO_TOKENS,
    "next_token": "Not known here: the server of this model gives no distribution over all its tokens.",
    "score": "The server of this model does not score a text that it is given.",
    "branch": "The server of this model does not go on from a chosen token.",
}
WORDS = {Layout.CHAT: "messages", Layout.PLAIN: "a bare text"}


def ignored(source: RemoteSource) -> tuple[str, ...]:
    """The settings that the server does not take."""
    return tuple(key for key in KNOBS if key not in source.accepts)


def lacks(source: RemoteSource) -> dict[str, str]:
    """What cannot be asked of the model, each with the reason."""
    layout = {"layout": f"The server of this model takes {WORDS[layout_of(source)]} only."}
    figures = {} if "logprobs" in source.accepts else {"logprobs": "The server of this model gives none."}
    knobs = dict.fromkeys(ignored(source), "The server of this model does not take it.")
    return LACKS | layout | figures | knobs


def layout_of(source: RemoteSource) -> Layout:
    """The one layout that the server takes."""
    return Layout.CHAT if source.endpoint == "chat" else Layout.PLAIN
