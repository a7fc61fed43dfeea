"""Settings, read from the environment. A wrong value refuses to start with one sentence.

``FEWSHOT_DATA`` is the one folder that holds state: database, secret key, models, sockets, logs.
"""

from logging import LogRecord
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from playground import memory
from playground.datadir import data_dir, secret_key, socket_path

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = data_dir(env.str("FEWSHOT_DATA", default=""), BASE_DIR)
MODELS_FILE = Path(env.str("FEWSHOT_MODELS", default="") or BASE_DIR / "models.toml")

HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
SECRET_KEY = env.str("SECRET_KEY", default="") or secret_key(DATA_DIR)
DEBUG = env.bool("DEBUG", default=False)

# The exact origins under which browsers reach this server: hosts, CSRF and sockets all follow from it.
# Host names alone would let any other program on this machine's other ports open our socket.
SITE_URLS = env.list(
    "SITE_URLS", default=[f"http://localhost:{PORT}", f"http://127.0.0.1:{PORT}", f"http://[::1]:{PORT}"]
)
for url in SITE_URLS:
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "*" in url
        or parts.path not in ("", "/")
    ):
        raise ImproperlyConfigured(
            f"SITE_URLS holds {url!r}; give full origins such as https://fewshot.example.com"
        )
SITE_URLS = [url.rstrip("/") for url in SITE_URLS]
ALLOWED_HOSTS = sorted(
    {f"[{name}]" if ":" in name else name for url in SITE_URLS if (name := urlsplit(url).hostname)}
    | {"localhost", "127.0.0.1", "[::1]"}  # health checks; no foreign page can take these names
)
CSRF_TRUSTED_ORIGINS = SITE_URLS
SECURE = all(url.startswith("https://") for url in SITE_URLS)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "allauth",
    "allauth.account",
    "csp",
    "playground",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "playground.views.refusals.RefusalMiddleware",
]

ROOT_URLCONF = "playground.urls"
ASGI_APPLICATION = "playground.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "playground.views.context.teams",
                "playground.views.context.undo",
            ]
        },
    }
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
# Options in the address stay, such as ?sslmode=require: dropping one would weaken a connection in silence.
DATABASES["default"]["OPTIONS"] = DATABASES["default"].get("OPTIONS", {}) | (
    {
        "transaction_mode": "IMMEDIATE",  # a transaction that reads first could not upgrade to write
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
    }
    if DATABASES["default"]["ENGINE"].endswith("sqlite3")
    else {"pool": {"max_size": env.int("DATABASE_POOL", default=16)}}
)

# An empty REDIS_URL means the valkey that the start command keeps inside the data folder.
VALKEY_SOCKET = DATA_DIR / "valkey.sock"
REDIS_URL = env.str("REDIS_URL", default="") or f"unix://{socket_path(VALKEY_SOCKET)}"
BROKER_URL = f"redis+socket://{VALKEY_SOCKET}" if REDIS_URL.startswith("unix://") else REDIS_URL

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
ACCOUNT_ADAPTER = "playground.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # a first start has no mail server
ACCOUNT_LOGOUT_ON_GET = False
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", default=False)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
# allauth counts failed sign-ins in the cache; the database cache of one process would not do with many.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
    }
}
# A mail server as an address: smtp+tls://user:password@mail.example.com:587. Empty: no e-mail is sent.
EMAIL_URL = env.str("EMAIL_URL", default="")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="fewshot@localhost")
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
if EMAIL_URL:
    globals().update(env.email_url("EMAIL_URL"))

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else f"fewshot-session-{PORT}"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else f"fewshot-csrf-{PORT}"
SECURE_HSTS_SECONDS = 3600 if SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        # A policy cannot name an IPv6 address; there 'self' has to cover the socket.
        "connect-src": [SELF, *(url.replace("http", "ws", 1) for url in SITE_URLS if "[" not in url)],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {"staticfiles": {"BACKEND": "playground.staticfiles.HashedStorage"}}
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"


def is_not_of_client(record: LogRecord) -> bool:
    """False for what a client did wrong: bytes that are no text in a text frame."""
    return not (record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError))


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    # Refusals and health answers are no errors of ours: only what has a traceback is worth a line.
    "filters": {
        "faults": {"()": "django.utils.log.CallbackFilter", "callback": lambda record: record.exc_info},
        "ours": {"()": "django.utils.log.CallbackFilter", "callback": is_not_of_client},
    },
    "loggers": {
        "django.request": {"filters": ["faults"]},
        # Scanners send foreign host names and broken bytes all day; the log stays readable.
        "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},
        "uvicorn.error": {"filters": ["ours"]},
        # What they say below is addresses and heads of requests to the servers of remote models.
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},
    },
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
}

# Life of a run, in seconds (docs/architecture.md, "Life of a run").
LEASE = env.float("FEWSHOT_LEASE", default=20.0)
HEARTBEAT = env.float("FEWSHOT_HEARTBEAT", default=5.0)
CHECKPOINT = 5.0
FLUSH = 0.040
DOORBELL_REPEAT = 30.0
RUN_DEADLINE = env.float("FEWSHOT_RUN_DEADLINE", default=900.0)
BATCH_DEADLINE = env.float("FEWSHOT_BATCH_DEADLINE", default=21600.0)  # of runs that wait behind all others
DRAIN = env.float("FEWSHOT_DRAIN", default=5.0)
MAX_ATTEMPTS = 2
ENGINE_SLOTS = env.int("FEWSHOT_SLOTS", default=16)  # runs that share one engine's batch
# Whose runs may profit from whose text in the engine's cache of prompts: all, user or none.
PREFIX_SHARING = env.str("FEWSHOT_PREFIX_SHARING", default="all")
if PREFIX_SHARING not in ("all", "user", "none"):
    raise ImproperlyConfigured(f"FEWSHOT_PREFIX_SHARING must be all, user or none, not {PREFIX_SHARING!r}.")
try:
    MODEL_MEMORY = memory.budget(env.str("FEWSHOT_MODEL_MEMORY", default=""))  # bytes for models of one host
except ValueError as error:
    raise ImproperlyConfigured(f"FEWSHOT_MODEL_MEMORY: {error}") from None
