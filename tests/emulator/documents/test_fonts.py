"""The last typeface."""

from pathlib import Path

import typst

from craftkit_async.emulator.documents.fonts import FAMILIES, LAST_RESORT, build_last_resort, find_folders


def test_the_last_resort_is_a_typeface(tmp_path: Path) -> None:
    (tmp_path / "last.ttf").write_bytes(build_last_resort())

    found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(tmp_path)])

    assert found.families() == [LAST_RESORT]


def test_the_installed_typefaces_are_found() -> None:
    folders = [str(folder) for folder in find_folders()]

    found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)

    assert found.families() == sorted(FAMILIES)
