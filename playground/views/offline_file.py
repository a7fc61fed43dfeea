"""A document as the answer that browsers save as a file."""

from datetime import datetime

from django.http import HttpResponse

from playground.actions.snapshots import Document
from playground.offline import file_name, offline_page


def as_file(document: Document, at: datetime) -> HttpResponse:
    answer = HttpResponse(offline_page(document, at))
    answer["Content-Disposition"] = f'attachment; filename="{file_name(document)}"'
    return answer
