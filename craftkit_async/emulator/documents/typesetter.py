"""Compile documents to PDF with Typst, with one compiler for each thread that compiles concurrently."""

import itertools
import json
import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typst

from craftkit_async.emulator.documents.binding import image_values
from craftkit_async.emulator.documents.document import Document
from craftkit_async.emulator.documents.fonts import (
    BUILT_IN_FAMILIES,
    FAMILIES,
    LAST_RESORT,
    build_last_resort,
    find_folders,
)
from craftkit_async.emulator.documents.images import detect_format, read_inline
from craftkit_async.emulator.documents.layouts import make_layout

SOURCES = Path(__file__).with_name("typesetting")


class Typesetter:
    """Compiles documents. Share one among threads: loading the fonts is its largest cost."""

    def __init__(self, font_path: str | Path | None = None) -> None:
        if font_path is not None and not Path(font_path).is_dir():
            raise NotADirectoryError(f"font folder not found: {font_path}")
        self._folder = Path(tempfile.mkdtemp(prefix="craftkit-pdf-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        (self._folder / "fonts").mkdir()
        (self._folder / "fonts" / "last-resort.ttf").write_bytes(build_last_resort())
        found = _list_families([font_path]) if font_path else []
        self._families = (*FAMILIES, *found, *BUILT_IN_FAMILIES, LAST_RESORT)
        folders = [*find_folders(), self._folder / "fonts", *([font_path] if font_path else [])]
        self._fonts = typst.Fonts(include_system_fonts=False, font_paths=[str(folder) for folder in folders])
        self._idle: deque[_Workspace] = deque()
        self._numbers = itertools.count()

    def compile(self, document: Document) -> bytes:
        """Compile a document in an idle workspace; a broken image is replaced by its URL."""
        try:
            workspace = self._idle.pop()
        except IndexError:
            workspace = _Workspace(self._folder / str(next(self._numbers)), self._fonts, self._families)
        try:
            return workspace.compile(document)
        finally:
            self._idle.append(workspace)


class _Workspace:
    """One compiler and its root folder with the sources, the layout and the images.

    The layout is passed as a file, because a change of the compiler's inputs would clear its cache.
    """

    def __init__(self, folder: Path, fonts: typst.Fonts, families: Sequence[str]) -> None:
        self._folder, self._families = folder, families
        shutil.copytree(SOURCES, folder)
        self._compiler = typst.Compiler(root=folder, font_paths=fonts, ignore_system_fonts=True)

    def compile(self, document: Document) -> bytes:
        """Compile a document; an image that cannot be drawn is replaced by its URL."""
        paths = self._write_images({} if document.pipeline == "document" else _collect_images(document))
        try:
            return self._compile_document(document, paths)
        except typst.TypstError:
            # Broken images are the only part of a document that the compiler can reject.
            return self._compile_document(document, {key: path for key, path in paths.items() if self._can_draw(path)})
        finally:
            for path in paths.values():
                (self._folder / path.lstrip("/")).unlink()

    def _write_images(self, images: Mapping[str, bytes]) -> dict[str, str]:
        """Write the images that can be drawn to the root folder; return their paths."""
        paths: dict[str, str] = {}
        for key, content in images.items():
            if image_format := detect_format(content):
                paths[key] = f"/{len(paths)}.{image_format}"
                (self._folder / paths[key].lstrip("/")).write_bytes(content)
        return paths

    def _compile_document(self, document: Document, paths: Mapping[str, str]) -> bytes:
        return self._compile_source("document.typ", make_layout(document, paths, self._families))

    def _can_draw(self, path: str) -> bool:
        try:
            self._compile_source("probe.typ", {"path": path})
        except typst.TypstError:
            return False
        return True

    def _compile_source(self, source: str, layout: Mapping[str, Any]) -> bytes:
        (self._folder / "layout.json").write_text(json.dumps(layout, ensure_ascii=False), "utf-8")
        pdf = self._compiler.compile(input=self._folder / source)
        assert isinstance(pdf, bytes)  # noqa: S101 - its type stubs do not say that no output path means bytes
        return pdf


def _collect_images(document: Document) -> dict[str, bytes]:
    """Return the bytes of every image in the document's data, fetched or inline."""
    found = {}
    for value in dict.fromkeys(image_values(document.manifest, document.data)):
        content = document.images.get(value) or read_inline(value)
        if content:
            found[value] = content
    return found


def _list_families(folders: list[str | Path]) -> list[str]:
    paths = [str(folder) for folder in folders]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=paths).families()
