"""HTTP routes."""

from django.urls import include, path
from django.views.generic import RedirectView

from playground.views import (
    experiments,
    health,
    history,
    models,
    presets,
    probes,
    prompts,
    receipts,
    runs,
    welcome,
)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="experiments"), name="home"),
    path("experiments/", experiments.index, name="experiments"),
    path("experiments/new", experiments.new, name="experiment-new"),
    path("experiments/search", experiments.search, name="experiment-search"),
    path("experiments/<uuid:pk>/", experiments.show, name="experiment"),
    path("experiments/<uuid:pk>/team", experiments.move, name="experiment-team"),
    path("experiments/<uuid:pk>/draft", experiments.draft, name="experiment-draft"),
    path("experiments/<uuid:pk>/history", history.index, name="experiment-history"),
    path("experiments/<uuid:pk>/runs", runs.start, name="experiment-runs"),
    path("experiments/<uuid:pk>/models/<str:name>/load", models.load, name="model-load"),
    path("experiments/<uuid:pk>/models/<str:name>/unload", models.unload, name="model-unload"),
    path("experiments/<uuid:pk>/presets", presets.of_team, name="presets"),
    path("presets/<uuid:pk>", presets.one, name="preset"),
    path("runs/<uuid:pk>/", runs.show, name="run"),
    path("runs/<uuid:pk>/cancel", runs.cancel, name="run-cancel"),
    path("runs/<uuid:pk>/prompt", prompts.of_run, name="run-prompt"),
    path("runs/<uuid:pk>/receipt", receipts.show, name="run-receipt"),
    path("prompts/render", prompts.render, name="prompt-render"),
    path("prompts/examples", prompts.examples, name="prompt-examples"),
    path("prompts/next-token", probes.next_token, name="next-token"),
    path("prompts/score", probes.score, name="score"),
    path("models/", models.index, name="models"),
    path("models/<str:name>/vocabulary", models.vocabulary, name="vocabulary"),
    path("limits", models.limits, name="limits"),
    path("welcome/<str:secret>/", welcome.welcome, name="welcome"),
    path("accounts/", include("allauth.account.urls")),
    path("livez", health.livez, name="livez"),
    path("healthz", health.healthz, name="healthz"),
]
