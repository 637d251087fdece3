"""Documents: lay out a manifest and its data, and compile them to PDF."""

from craftkit_async.emulator.documents.binding import image_urls
from craftkit_async.emulator.documents.document import Document, Pipeline, choose_pipeline
from craftkit_async.emulator.documents.placeholder import TINY_PDF
from craftkit_async.emulator.documents.samples import SLUGS, read_template, ready_templates
from craftkit_async.emulator.documents.typesetter import Typesetter

__all__ = [
    "SLUGS",
    "TINY_PDF",
    "Document",
    "Pipeline",
    "Typesetter",
    "choose_pipeline",
    "image_urls",
    "read_template",
    "ready_templates",
]
