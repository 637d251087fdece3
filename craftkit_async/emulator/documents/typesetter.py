"""The press: documents in, PDF files out, with one typesetter for each thread that prints at the same time."""

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
from craftkit_async.emulator.documents.images import read_inline, recognise
from craftkit_async.emulator.documents.layouts import describe

SOURCES = Path(__file__).with_name("typesetting")


class Typesetter:
    """Prints documents; may be shared by threads, and is best made once: opening the typefaces costs most."""

    def __init__(self, font_path: str | Path | None = None) -> None:
        if font_path is not None and not Path(font_path).is_dir():
            raise NotADirectoryError(f"no folder with typefaces: {font_path}")
        self._folder = Path(tempfile.mkdtemp(prefix="craftkit-pdf-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        (self._folder / "fonts").mkdir()
        (self._folder / "fonts" / "last-resort.ttf").write_bytes(build_last_resort())
        found = _list_families([font_path]) if font_path else []
        self._families = (*FAMILIES, *found, *BUILT_IN_FAMILIES, LAST_RESORT)
        folders = [*find_folders(), self._folder / "fonts", *([font_path] if font_path else [])]
        self._fonts = typst.Fonts(include_system_fonts=False, font_paths=[str(folder) for folder in folders])
        self._idle: deque[_Typesetter] = deque()
        self._numbers = itertools.count()

    def compile(self, document: Document) -> bytes:
        """Print a document, on a typesetter that nobody else is using; a picture that is broken leaves its address."""
        try:
            typesetter = self._idle.pop()
        except IndexError:
            typesetter = _Typesetter(self._folder / str(next(self._numbers)), self._fonts, self._families)
        try:
            return typesetter.print(document)
        finally:
            self._idle.append(typesetter)


class _Typesetter:
    """One compiler and its folder, which is the only one that a document is set from: sources, layout, pictures.

    The layout comes as a file, since every change of the inputs makes the compiler forget what it has set before.
    """

    def __init__(self, folder: Path, fonts: typst.Fonts, families: Sequence[str]) -> None:
        self._folder, self._families = folder, families
        shutil.copytree(SOURCES, folder)
        self._compiler = typst.Compiler(root=folder, font_paths=fonts, ignore_system_fonts=True)

    def print(self, document: Document) -> bytes:
        """Print a document; a picture that cannot be drawn is replaced by its address."""
        placed = self._place({} if document.pipeline == "document" else _collect_images(document))
        try:
            return self._print(document, placed)
        except typst.TypstError:
            # The only thing in a document that the typesetter may refuse is a broken picture.
            return self._print(document, {key: path for key, path in placed.items() if self._can_draw(path)})
        finally:
            for path in placed.values():
                (self._folder / path.lstrip("/")).unlink()

    def _place(self, images: Mapping[str, bytes]) -> dict[str, str]:
        """Lay the pictures where the compiler finds them."""
        placed: dict[str, str] = {}
        for key, content in images.items():
            if kind := recognise(content):
                placed[key] = f"/{len(placed)}.{kind}"
                (self._folder / placed[key].lstrip("/")).write_bytes(content)
        return placed

    def _print(self, document: Document, placed: Mapping[str, str]) -> bytes:
        return self._compile("document.typ", describe(document, placed, self._families))

    def _can_draw(self, path: str) -> bool:
        try:
            self._compile("probe.typ", {"path": path})
        except typst.TypstError:
            return False
        return True

    def _compile(self, source: str, layout: Mapping[str, Any]) -> bytes:
        (self._folder / "layout.json").write_text(json.dumps(layout, ensure_ascii=False), "utf-8")
        printed = self._compiler.compile(input=self._folder / source)
        assert isinstance(printed, bytes)  # noqa: S101 - the compiler's own types cannot say that no path means bytes
        return printed


def _collect_images(document: Document) -> dict[str, bytes]:
    """Find the bytes of every picture that the document wants, fetched or inline."""
    found = {}
    for value in dict.fromkeys(image_values(document.manifest, document.data)):
        content = document.images.get(value) or read_inline(value)
        if content:
            found[value] = content
    return found


def _list_families(folders: list[str | Path]) -> list[str]:
    paths = [str(folder) for folder in folders]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=paths).families()
