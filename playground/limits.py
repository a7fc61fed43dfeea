"""What one request may ask for. Published at /limits and enforced at the door."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    body_bytes: int = 4 * 1024 * 1024
    frame_bytes: int = 256 * 1024
    frames_per_second: int = 50
    edit_bytes: int = 8 * 1024 * 1024  # of one edit of a room, in as many frames as it takes
    room_bytes: int = 16 * 1024 * 1024  # of a room's document; then it begins anew
    people: int = 200  # in one room
    text_chars: int = 200_000  # one text field
    prompt_chars: int = 400_000  # the rendered prompt, before it is tokenised
    title_chars: int = 120
    scope_chars: int = 500
    fields: int = 16
    field_name_chars: int = 60
    examples: int = 1000
    test_inputs: int = 100  # of one experiment
    max_new_tokens: int = 4096
    temperature: float = 5.0
    top_k: int = 1000
    repetition_penalty: float = 2.0
    penalty: float = 2.0  # presence and frequency, either sign
    stop_strings: int = 8
    stop_string_chars: int = 64
    live_runs_per_user: int = 64
    live_batch_runs_per_user: int = 2000  # of comparisons, beside the others
    alternatives: int = 5
    top_logprobs: int = 20  # that a program may ask for with each token
    biased_tokens: int = 300
    prompts: int = 128  # of one request of a program
    choices: int = 16  # answers to one prompt that a program may ask for
    messages: int = 1000  # of one conversation
    live_api_runs_per_user: int = 256  # beside the others
    api_requests_per_minute: int = 600  # of one key
    api_keys: int = 50  # open ones, of one person in one team
    api_key_name_chars: int = 80
    api_key_days: int = 366
    columns: int = 12  # of a comparison
    rows: int = 100
    samples: int = 16  # answers for each cell of a comparison
    comment_chars: int = 2000  # on an answer, or in a discussion
    threads: int = 500  # of an experiment
    replies: int = 100  # in a thread
    mentions: int = 20  # in a comment
    quote_chars: int = 500  # of the words that a comment is about
    quote_context_chars: int = 40  # on either side of them
    path_chars: int = 120
    prompt_name_chars: int = 60  # of a published prompt
    published_prompts: int = 200  # names in a team
    presets: int = 100  # of a team
    preset_name_chars: int = 40
    label_chars: int = 80  # of a version
    message_chars: int = 500
    tags: int = 20  # of an experiment
    tag_chars: int = 40
    share_links: int = 100  # of one thing, open ones
    passphrase_chars: int = 200
    shared_runs: int = 20  # that a link to an experiment shows
    shared_answers: int = 240  # that a link to a comparison shows
    shared_tokens: int = 8000  # with figures, of all answers behind one link
    shared_chars: int = 2_000_000  # of all prompts and answers behind one link
    team_name_chars: int = 80
    import_bytes: int = 32 * 1024 * 1024  # of one file
    imported_runs: int = 20_000
    open_invitations: int = 100  # of a team
    invitation_days: int = 30

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


LIMITS = Limits()
