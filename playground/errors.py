"""What can go wrong, as codes and sentences. Every refusal and every failed run carries one."""

from typing import Any

# Codes of runs that did not succeed, each with the sentence that people read.
RUN_ERRORS = {
    "worker_lost": "The worker stopped while writing this answer; what it wrote is kept. Run it again.",
    "engine_failed": "The model's engine stopped while writing this answer; run it again.",
    "engine_busy": "The model's engine had no room for this run. Run it again in a moment.",
    "numeric_fault": "The model produced numbers that are not finite. Try another dtype or model.",
    "out_of_memory": "The machine has no memory for this run. Shorten the prompt or reserve less.",
    "context_overflow": "The prompt and the reserved answer do not fit the model's window. Shorten one.",
    "cache_overflow": "The prompt and the reserved answer do not fit the engine's cache. Shorten one.",
    "upstream_refused": "The server of this model does not take this run. Change what it names.",
    "upstream_busy": "The server of this model takes no more runs now. Run it again in a moment.",
    "upstream_unreachable": "The server of this model cannot be reached. Run it again in a moment.",
    "upstream_timeout": "The server of this model was silent for too long; its text is kept. Run it again.",
    "upstream_failed": "The server of this model failed over this run; its text is kept. Run it again.",
    "invalid_request": "The engine refused this request. Check the settings and run it again.",
    "deadline": "This run did not finish within its time limit; its text is kept. Reserve fewer tokens.",
    "queue_deadline": "No worker took this run within its time limit. Check that one serves this model.",
    "cancelled": "Stopped.",
}


class Refusal(Exception):
    """A request that is refused before anything is stored.

    ``message`` is one sentence that the user can act on; ``extra`` joins the JSON body.
    """

    def __init__(self, code: str, message: str, *, status: int = 422, field: str = "", **extra: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.field = field
        self.extra = extra

    def as_json(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.field:
            error["field"] = self.field
        return {"error": error | self.extra.pop("error", {}), **self.extra}


class NotFound(Refusal):
    """There is no such row, or this user may not know of it: the answer is the same."""

    def __init__(self, kind: str) -> None:
        super().__init__("not_found", f"There is no such {kind}, or you have no access to it.", status=404)


class Forbidden(Refusal):
    """The user may read the row, but not do this with it."""

    def __init__(self, kind: str, verb: str) -> None:
        super().__init__(
            "forbidden", f"Your role in this team does not let you {verb} this {kind}.", status=403
        )
