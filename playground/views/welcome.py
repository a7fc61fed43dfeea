"""The one-time sign-in link from the operator's terminal."""

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.forms import CharField, Form, PasswordInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from playground.actions.teams import take_up_account, username_of
from playground.models import SignInLink

NEW_PASSWORD = {"autocomplete": "new-password"}


class WelcomeForm(Form):
    """How the owner wants to be called, and a password for the next time (may stay empty)."""

    name = CharField(max_length=60, label="Your name")
    password = CharField(required=False, widget=PasswordInput(NEW_PASSWORD), label="Password")

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        if User.objects.filter(username=username_of(name)).exclude(pk=self.initial["user"].pk).exists():
            raise ValidationError("Somebody else here has this name.")
        User.username_validator(username_of(name))
        return name

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if password:
            validate_password(password, self.initial["user"])
        return password


@never_cache
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest, secret: str) -> HttpResponse:
    """GET only shows the form, so that link previews cannot use the link up."""
    link = SignInLink.find(secret)
    if link is None:
        return render(request, "accounts/link_ended.html", status=410)
    user = link.user
    form = WelcomeForm(request.POST or None, initial={"user": user, "name": user.first_name or user.username})
    if request.method == "GET" or not form.is_valid() or not link.use():
        return render(
            request, "accounts/welcome.html", {"form": form, "has_password": user.has_usable_password()}
        )
    take_up_account(user, form.cleaned_data["name"], form.cleaned_data["password"])
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("home")
