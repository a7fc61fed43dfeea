"""Socket routes."""

from django.urls import path

from playground.consumers.socket import PageSocket

websocket_urlpatterns = [path("ws/", PageSocket.as_asgi())]
