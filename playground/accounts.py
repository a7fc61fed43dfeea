"""How people get an account: sign-up is closed unless the operator opens it."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest

from playground.actions.teams import make_personal_team


class AccountAdapter(DefaultAccountAdapter):
    """allauth's hooks, with our two rules: closed sign-up, a personal team for everybody."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        user = super().save_user(request, user, form, commit=commit)
        if commit:
            make_personal_team(user)
        return user
