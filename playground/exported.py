"""Exported: the file that holds an experiment, or all those of a team, validated when it is imported.

``ref`` is the id that a thing had where it was exported: others in the file refer to it, and an import
gives it a new one. People are names. Runs that were live are in no file.
"""

import uuid
from collections.abc import Container, Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, JsonValue, TypeAdapter, model_validator

from playground.anchors import AboutAll, AboutExample, AboutText
from playground.boards import Board, Key
from playground.limits import LIMITS
from playground.models.comment import Feeling
from playground.models.run import Kind, Status
from playground.models.vote import Choice
from playground.specs import Inputs, PromptSpec, Scope, Strict, TagName, Title, clean

SCHEMA = 1
Short = Annotated[str, Field(max_length=80), AfterValidator(clean)]
Person = Annotated[str, Field(min_length=1, max_length=150), AfterValidator(clean)]
Long = Annotated[str, AfterValidator(clean)]  # bounded by the file
Count = Annotated[int, Field(ge=0, lt=2**31)]
Small = Annotated[int, Field(ge=0, lt=2**15)]
Ended = Literal[Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.EXPIRED]


class Token(Strict):
    """A record as playground/events.py makes it; those of given tokens have fewer figures."""

    t: Long
    id: Count | None = None  # none of a remote model
    lp: float | None = Field(default=None, allow_inf_nan=False)
    rank: Count | None = None
    ms: Count | None = None  # since the first token
    top: list[tuple[Count | None, Long, float]] = []
    given: bool = False


class Acting(Strict):
    """Effective settings, as Settings.effective makes them."""

    max_new_tokens: Count
    mode: Literal["greedy", "sample"]
    stop: list[Short] = []
    temperature: float | None = None
    top_k: Count | None = None
    top_p: float | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed_drawn: bool = False


class Receipt(Strict):
    """What pages read of a receipt has a type; the rest is kept as it is."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, JsonValue]

    versions: dict[Short, Short] = {}
    dtype: Short = ""
    device: Short = ""
    attention: Short = ""
    note: Long | None = None
    threads: Count = 0
    exact: bool = False
    batch: Count | None = None
    engine_first_token_ms: float | None = None


class ExportedVersion(Strict):
    number: Annotated[int, Field(ge=1, lt=2**31)]
    spec: PromptSpec
    label: Short = ""
    message: Annotated[str, Field(max_length=500), AfterValidator(clean)] = ""
    saved_at: AwareDatetime | None = None
    restored_from: Count | None = None  # the number of another
    author: Person | None = None
    created_at: AwareDatetime


class ExportedComparison(Strict):
    ref: uuid.UUID
    title: Title
    board: Board


class ExportedRun(Strict):
    ref: uuid.UUID
    version: Count | None = None  # its number
    user: Person
    comparison: uuid.UUID | None = None
    column: Key | Literal[""] = ""
    row: Key | Literal[""] = ""
    sample: Small = 0
    kind: Kind
    model: Short
    model_revision: Short = ""
    status: Ended
    attempt: Small
    settings: Acting
    spec: PromptSpec
    messages: list[dict[Short, Long]] | None = None
    prompt_text: Long
    prompt_ids: list[Count]
    prompt_tokens: Count | None
    max_new_tokens: Count
    begun: list[Token] | None = None
    branch_of: uuid.UUID | None = None
    again_of: uuid.UUID | None = None
    text: Long
    tokens: list[Token] | None = None
    logprob_sum: Annotated[float, Field(allow_inf_nan=False)] | None = None
    scored_tokens: Count = 0
    last_seq: Count
    cached_tokens: Count
    completion_tokens: Count
    finish_reason: Annotated[str, Field(max_length=16), AfterValidator(clean)] = ""
    error_code: Annotated[str, Field(max_length=40), AfterValidator(clean)] = ""
    error_message: Annotated[str, Field(max_length=500), AfterValidator(clean)] = ""
    receipt: Receipt
    queued_at: AwareDatetime
    started_at: AwareDatetime | None = None
    first_token_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None


class ExportedVote(Strict):
    comparison: uuid.UUID
    run: uuid.UUID
    against: uuid.UUID
    user: Person
    choice: Choice
    blind: bool = False
    created_at: AwareDatetime


class ExportedRating(Strict):
    run: uuid.UUID
    user: Person
    mark: Annotated[int, Field(ge=1, le=5)] | None = None
    comment: Annotated[str, Field(max_length=LIMITS.comment_chars), AfterValidator(clean)] = ""
    created_at: AwareDatetime


class AboutRun(Strict):
    kind: Literal["run"]
    run: uuid.UUID | None = None  # null: it was removed, or is in no file


class AboutComparison(Strict):
    kind: Literal["comparison"]
    comparison: uuid.UUID | None = None


class ExportedReaction(Strict):
    user: Person
    name: Feeling


class ExportedComment(Strict):
    """Those that answer stand behind the one that they answer; a deleted one has no text any more."""

    ref: uuid.UUID
    parent: uuid.UUID | None = None
    author: Person | None = None
    text: Annotated[str, Field(max_length=LIMITS.comment_chars), AfterValidator(clean)]
    about: Annotated[
        AboutAll | AboutComparison | AboutRun | AboutExample | AboutText, Field(discriminator="kind")
    ] = AboutAll(kind="experiment")
    mentions: list[Person] = Field(default=[], max_length=LIMITS.mentions)
    reactions: list[ExportedReaction] = []
    created_at: AwareDatetime
    edited_at: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    resolved_by: Person | None = None
    deleted_at: AwareDatetime | None = None


class Head(Strict):
    title: Title
    scope: Scope = ""
    spec: PromptSpec
    inputs: Inputs = []
    tags: list[TagName] = Field(default=[], max_length=LIMITS.tags)


class ExperimentFile(Strict):
    fewshot: Literal["experiment"]
    schema_: Literal[1] = Field(alias="schema")
    experiment: Head
    versions: list[ExportedVersion]
    comparisons: list[ExportedComparison]
    votes: list[ExportedVote]
    ratings: list[ExportedRating]
    runs: list[ExportedRun] = Field(max_length=LIMITS.imported_runs)
    comments: list[ExportedComment] = []  # older files have none

    @model_validator(mode="after")
    def references_are_inside(self) -> Self:
        numbers = _unique("version", (version.number for version in self.versions))
        comparisons = _unique("comparison", (comparison.ref for comparison in self.comparisons))
        runs = {run.ref: run for run in self.runs}
        _unique("run", (run.ref for run in self.runs))
        for version in self.versions:
            _inside("version", {version.restored_from}, numbers)
        for run in self.runs:
            _inside("version", {run.version}, numbers)
            _inside("comparison", {run.comparison}, comparisons)
            _inside("run", {run.branch_of, run.again_of}, runs)
        self._judgements_fit(runs)
        self._comments_fit(runs, comparisons)
        return self

    def _judgements_fit(self, runs: dict[uuid.UUID, ExportedRun]) -> None:
        _inside("run", {vote.run for vote in self.votes} | {vote.against for vote in self.votes}, runs)
        _inside("run", {rating.run for rating in self.ratings}, runs)
        _unique("vote", ((vote.user, vote.run, vote.against) for vote in self.votes))
        _unique("rating", ((rating.user, rating.run) for rating in self.ratings))
        for vote in self.votes:
            pair = runs[vote.run], runs[vote.against]
            if {run.comparison for run in pair} != {vote.comparison} or pair[0].row != pair[1].row:
                raise ValueError("a vote is about two answers that are not of one row of its comparison")

    def _comments_fit(self, runs: Container[uuid.UUID], comparisons: Container[uuid.UUID]) -> None:
        _unique("comment", (comment.ref for comment in self.comments))
        threads = {comment.ref for comment in self.comments if comment.parent is None}
        for comment in self.comments:
            _inside("thread", {comment.parent}, threads)
            _unique("mention", comment.mentions)
            _unique("reaction", ((reaction.user, reaction.name) for reaction in comment.reactions))
            match comment.about:
                case AboutRun(run=run):
                    _inside("run", {run}, runs)
                case AboutComparison(comparison=comparison):
                    _inside("comparison", {comparison}, comparisons)


class TeamFile(Strict):
    fewshot: Literal["team"]
    schema_: Literal[1] = Field(alias="schema")
    team: Annotated[str, Field(max_length=LIMITS.team_name_chars), AfterValidator(clean)]
    experiments: list[ExperimentFile]


File = TypeAdapter[ExperimentFile | TeamFile](
    Annotated[ExperimentFile | TeamFile, Field(discriminator="fewshot")]
)


def _unique(kind: str, keys: Iterable[Any]) -> set[Any]:
    listed = list(keys)
    if len(found := set(listed)) != len(listed):
        raise ValueError(f"the file holds a {kind} twice")
    return found


def _inside(kind: str, wanted: set[Any], known: Container[Any]) -> None:
    if any(key is not None and key not in known for key in wanted):
        raise ValueError(f"the file speaks of a {kind} that is not in it")
