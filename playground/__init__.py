"""The Django project and its one app. Never imports torch outside ``worker``."""
