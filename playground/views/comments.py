"""JSON of comments. Who may read may comment; the answer to every change is the thread as it is now."""

import uuid

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from playground.access import Verb, comment_for, comparison_for, experiment_for, run_for
from playground.actions import activity as activities
from playground.actions import comments as actions
from playground.actions import threads
from playground.errors import NotFound
from playground.models import Comment, Comparison, Run
from playground.specs import checked, parse
from playground.views.deletions import offer_undo, restored
from playground.views.signed_in import signed_in, user_of


@signed_in
@require_http_methods(["GET", "POST"])
def of_experiment(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """A page of threads, or a new one."""
    user = user_of(request)
    if request.method == "GET":
        wanted = checked(threads.Search, request.GET.dict())
        return JsonResponse(threads.listed(experiment_for(user, pk), user, wanted))
    experiment = experiment_for(user, pk, Verb.COMMENT)
    wanted_thread = parse(actions.NewThread, request.body)
    made = actions.begin(experiment, user, wanted_thread, target_of(user, wanted_thread.about))
    return answer(made, user, status=201)


def target_of(user: User, about: actions.Anchor) -> Run | Comparison | None:
    match about:
        case actions.AboutRun():
            return run_for(user, about.run, Verb.COMMENT)
        case actions.AboutComparison():
            return comparison_for(user, about.comparison, Verb.COMMENT)
        case _:
            return None


@signed_in
@require_POST
def seen(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """Stops counting mentions that the caller has read."""
    user = user_of(request)
    actions.see(experiment_for(user, pk), user, parse(actions.Seen, request.body))
    return JsonResponse({})


@signed_in
@require_http_methods(["GET", "PATCH", "DELETE"])
def one(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """The thread of a comment; or other words for it; or its end, with a way back."""
    user = user_of(request)
    if request.method == "GET":
        return answer(comment_or_gone(user, pk), user)
    comment = comment_for(user, pk, Verb.COMMENT)
    if request.method == "PATCH":
        actions.edit(comment, user, parse(actions.Words, request.body))
        return answer(comment, user)
    actions.delete(comment, user)
    undo = offer_undo(request, "Deleted a comment.", reverse("comment-restore", args=[pk]))
    return JsonResponse({"thread": threads.one(comment, user), "undo": undo})


def comment_or_gone(user: User, pk: uuid.UUID) -> Comment:
    """Of a deleted comment the thread may still be there."""
    try:
        return comment_for(user, pk)
    except NotFound:
        return comment_for(user, pk, deleted=True)


@signed_in
@require_POST
def restore(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Undoes a deletion, for the script or for the form on the next page."""
    user = user_of(request)
    comment = comment_for(user, pk, Verb.COMMENT, deleted=True)
    actions.restore(comment, user)
    return restored(request, f"{reverse('experiment', args=[comment.experiment_id])}#comment-{pk}")


@signed_in
@require_POST
def replies(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    comment = comment_for(user, pk, Verb.COMMENT)
    return answer(actions.reply(comment, user, parse(actions.Words, request.body)), user, status=201)


@signed_in
@require_http_methods(["PUT"])
def resolution(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    user = user_of(request)
    comment = comment_for(user, pk, Verb.COMMENT)
    actions.resolve(comment, user, parse(actions.Resolution, request.body))
    return answer(comment, user)


@signed_in
@require_http_methods(["PUT", "DELETE"])
def reaction(request: HttpRequest, pk: uuid.UUID, name: str) -> JsonResponse:
    user = user_of(request)
    comment = comment_for(user, pk, Verb.COMMENT)
    actions.react(comment, user, name, on=request.method == "PUT")
    return answer(comment, user)


@signed_in
@require_GET
def activity(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """What happened lately in the experiment."""
    return JsonResponse({"entries": activities.listed(experiment_for(user_of(request), pk))})


def answer(comment: Comment, user: User, status: int = 200) -> JsonResponse:
    return JsonResponse({"thread": threads.one(comment, user), "comment": str(comment.pk)}, status=status)
