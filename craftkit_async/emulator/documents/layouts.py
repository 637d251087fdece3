"""Layouts: arrange all parts of a document, as data for the Typst sources."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from craftkit_async.emulator.documents.binding import find_rows, find_value, is_image, list_fields
from craftkit_async.emulator.documents.document import Document
from craftkit_async.emulator.documents.formats import write_value
from craftkit_async.emulator.documents.pages import Paper, choose_paper
from craftkit_async.emulator.documents.tables import Cell, lay_out_table
from craftkit_async.emulator.documents.text import clean, is_right_to_left, typeset

BODY = 9.5
TITLE = 22.0
HEROES = (30.0, 19.0)  # font sizes of the two large texts of a certificate
PASSAGE = 300  # characters; a longer text gets the page's full width
GUTTER = 16.0
NARROW = 340.0  # points; a narrower page stacks its groups
LABEL_SHARE = 0.36  # of a group's width
# Sums are printed below their table.
SUM = re.compile(
    r"(sub|grand)?_?-?total|net|gross|tax|vat|discount|shipping|balance|(amount_?)?due|paid", re.IGNORECASE
)
GRAND_SUM = re.compile(r"(grand_?)?total|balance|(amount_?)?due|(total|balance)_?due", re.IGNORECASE)
NUMERIC = frozenset({"number", "currency"})
EMPTY = "–"  # noqa: RUF001 - an en dash is the typographic convention for an empty value
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "yi"})
MAX_LINK = 2_000  # characters


def make_layout(document: Document, image_paths: Mapping[str, str], fonts: Sequence[str]) -> dict[str, Any]:
    """Return the layout of a document; `image_paths` maps the images that can be drawn to their paths."""
    return _Layout(document, image_paths).describe(fonts)


def split_words(name: str) -> str:
    """Make a heading from a key: `lineItems` and `line_items` become `Line items`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").split()
    return " ".join([*(word.capitalize() for word in words[:1]), *(_lower(word) for word in words[1:])]) or name


def _lower(word: str) -> str:
    return word if word.isupper() else word.lower()


def read_label(definition: Mapping[str, Any]) -> str:
    """Return a definition's label, or make one from the last part of its key."""
    label = definition.get("label")
    return label if isinstance(label, str) and label.strip() else split_words(definition["key"].rpartition(".")[2])


@attrs.frozen
class _Field:
    """A variable with its value in the data."""

    definition: Mapping[str, Any]
    value: Any

    @property
    def name(self) -> str:
        return str(self.definition["key"]).rpartition(".")[2]

    @property
    def group(self) -> str:
        return str(self.definition["key"]).rpartition(".")[0]


class _Layout:
    """Assigns one document's fields to the areas of the page."""

    def __init__(self, document: Document, image_paths: Mapping[str, str]) -> None:
        self._document = document
        self._image_paths = image_paths
        self._paper: Paper = choose_paper(document.options.get("page_config"))
        locale = document.options.get("locale")
        self._language = locale[:2].lower() if isinstance(locale, str) and locale[:2].isascii() else ""
        manifest, data = document.manifest, document.data
        self._loops = list_fields(manifest, "loops") if document.pipeline == "canvas" else []
        self._areas: dict[str, list[_Field]] = {}
        for definition in list_fields(manifest):
            field = _Field(definition, find_value(data, definition["key"]))
            self._areas.setdefault(self._choose_area(field), []).append(field)

    def _choose_area(self, field: _Field) -> str:
        if is_image(field.definition, field.value) or field.definition.get("dataType") == "image":
            if self._document.pipeline == "document" or not field.value:
                return "nowhere"
            name = field.name.lower()
            return next((area for area in ("logo", "signature") if area in name), "pictures")
        kind = field.definition.get("dataType")
        if kind == "longtext" or (isinstance(field.value, str) and len(field.value) > PASSAGE):
            return "passages" if field.value else "nowhere"
        if self._loops and kind in NUMERIC and SUM.fullmatch(field.name):
            return "sums" if field.value is not None else "nowhere"
        return "group " + field.group if field.group else "facts"

    def describe(self, fonts: Sequence[str]) -> dict[str, Any]:
        paper, name = self._paper, clean(self._document.name)
        right_to_left = self._is_right_to_left()
        config = self._document.options.get("page_config")
        return {
            **(self._describe_certificate() if self._is_certificate() else self._describe_record()),
            "paper": attrs.asdict(paper),
            "fonts": list(fonts),
            "language": self._language if re.fullmatch("[a-z]{2}", self._language) else "en",
            "rtl": right_to_left,
            "body": BODY,
            "name": " ".join(name.split()),
            "running": typeset(" ".join(name.split())[:100], paper.flow),
            "watermark": self._document.watermark,
            "backgrounds": not (isinstance(config, Mapping) and config.get("printBackground") is False),
            "logo": [self._show(field, paper.flow / 4 / BODY) for field in self._areas.get("logo", [])],
            "signatures": self._describe_list("signature", paper.flow / 2 - GUTTER),
        }

    def _is_certificate(self) -> bool:
        """Draw a certificate if the layout requests one and there are no tables, which would not fit."""
        layout = self._document.options.get("layout")
        requested = isinstance(layout, Mapping) and layout.get("style") == "certificate"
        return requested and not self._loops

    def _describe_certificate(self) -> dict[str, Any]:
        """Make the first two fields large, and put the others in a row at the bottom."""
        flow = self._paper.flow
        fields = [field for area, fields in self._areas.items() if area.startswith("group ") for field in fields]
        fields += self._areas.get("facts", [])
        heroes = [{**self._label(field, flow, size), "size": size} for field, size in zip(fields, HEROES, strict=False)]
        rest = [field for field in fields[len(HEROES) :] if field.value not in (None, "")]
        columns = min(len(rest), 5)
        return {
            "style": "certificate",
            "title": typeset(clean(self._document.name), flow / HEROES[0]),
            "heroes": heroes,
            "columns": columns,
            "others": [self._label(field, flow / columns - GUTTER) for field in rest],
            "passages": self._describe_list("passages", flow * 0.6),
        }

    def _describe_record(self) -> dict[str, Any]:
        flow = self._paper.flow
        return {
            "style": "record",
            "title": typeset(clean(self._document.name), flow * 0.7 / TITLE),
            "facts": self._describe_facts(),
            "groups": self._describe_groups(),
            "tables": [table for loop in self._loops for table in self._describe_loop(loop)],
            "sums": self._describe_sums(),
            "passages": self._describe_list("passages", flow),
            "pictures": self._describe_list("pictures", flow / 2 - GUTTER),
        }

    def _is_right_to_left(self) -> bool:
        """Decide by the locale; without one, by the majority of the name and the labels."""
        if self._language:
            return self._language in RIGHT_TO_LEFT
        names = [self._document.name, *(read_label(field) for field in list_fields(self._document.manifest))]
        return 2 * sum(map(is_right_to_left, names)) > len(names)

    def _show(self, field: _Field, width: float) -> Any:
        return self._show_value(field.definition, field.value, width)

    def _show_value(self, definition: Mapping[str, Any], value: Any, width: float) -> Any:
        """Lay out a value for an area `width` ems wide: as an image, a link or a text."""
        if is_image(definition, value) and value in self._image_paths:
            return {"image": self._image_paths[value]}
        written = self._format(definition, value)
        text = typeset(written, width)
        link = _find_link(definition, value)
        return {"text": text, "link": link} if link else text

    def _format(self, definition: Mapping[str, Any], value: Any) -> str:
        return clean(write_value(value, definition, self._language or "en")) or EMPTY

    def _describe_list(self, area: str, points: float) -> list[dict[str, Any]]:
        """Lay out fields one below the other, each with its label."""
        return [self._label(field, points) for field in self._areas.get(area, [])]

    def _label(self, field: _Field, points: float, size: float = BODY) -> dict[str, Any]:
        label = typeset(read_label(field.definition), points / BODY)
        return {"label": label, "value": self._show(field, points / size)}

    def _describe_facts(self) -> dict[str, Any]:
        count = len(self._areas.get("facts", []))
        columns = min(count, 2 if self._paper.flow < NARROW else 3 if count in {3, 5, 6, 9} else 4)
        points = self._paper.flow / max(columns, 1) - GUTTER
        return {"columns": columns, "fields": self._describe_list("facts", points)}

    def _describe_groups(self) -> dict[str, Any]:
        names = [area.removeprefix("group ") for area in self._areas if area.startswith("group ")]
        columns = 1 if len(names) == 1 or self._paper.flow < NARROW else 2
        points = (self._paper.flow - GUTTER * (columns - 1)) / columns
        return {
            "columns": columns,
            "label": points * LABEL_SHARE,
            "list": [
                {
                    "heading": typeset(split_words(name.replace(".", " ")), points / BODY),
                    "fields": self._describe_group("group " + name, points),
                }
                for name in names
            ],
        }

    def _describe_group(self, area: str, points: float) -> list[dict[str, Any]]:
        label, value = points * LABEL_SHARE / BODY - 1, points * (1 - LABEL_SHARE) / BODY - 1
        return [
            {"label": typeset(read_label(field.definition), label), "value": self._show(field, value)}
            for field in self._areas[area]
        ]

    def _describe_sums(self) -> list[dict[str, Any]]:
        points = self._paper.flow / 5
        return [
            {**self._label(field, points), "grand": bool(GRAND_SUM.fullmatch(field.name))}
            for field in self._areas.get("sums", [])
        ]

    def _describe_loop(self, loop: Mapping[str, Any]) -> list[dict[str, Any]]:
        rows = find_rows(self._document.data, loop["key"])
        fields = list_fields(loop, "itemFields") or [
            {"key": key} for key in dict.fromkeys(k for row in rows for k in row)
        ]
        cells = [[self._make_cell(field, find_value(row, field["key"])) for field in fields] for row in rows]
        header = [Cell(clean(read_label(field))) for field in fields]
        numeric = [field.get("dataType") in NUMERIC for field in fields]
        heading = typeset(read_label(loop), self._paper.flow / BODY)
        return lay_out_table(heading, header, cells, numeric, self._paper.flow)

    def _make_cell(self, definition: Mapping[str, Any], value: Any) -> Cell:
        picture = self._image_paths.get(value) if is_image(definition, value) else None
        return Cell(self._format(definition, value), picture, _find_link(definition, value))


def _find_link(definition: Mapping[str, Any], value: Any) -> str | None:
    """Return the link for an e-mail address or an http(s) URL, or None for any other value."""
    if not isinstance(value, str) or len(value) > MAX_LINK or not (value.isascii() and value.isprintable()):
        return None
    if definition.get("dataType") == "email" and "@" in value:
        return "mailto:" + value
    is_web = value.startswith(("https://", "http://"))
    return value if is_web and definition.get("dataType") == "url" else None
