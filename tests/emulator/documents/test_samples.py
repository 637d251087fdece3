"""The ready templates."""

import json

import pytest

from craftkit_async.emulator.documents import SLUGS, Document, Typesetter, read_template, ready_templates
from craftkit_async.emulator.documents.binding import find_value, list_fields
from tests.support.pdf_reading import read_text


def test_there_are_three() -> None:
    assert [template["slug"] for template in ready_templates()] == ["invoice", "charter-handover", "certificate"]
    with pytest.raises(KeyError):
        read_template("../invoice")


def test_the_handover_has_the_documented_fields() -> None:
    manifest = read_template("charter-handover")["manifest"]
    keys = {field["key"] for field in manifest["variables"]}

    assert {"booking.code", "booking.activityName", "handover.kind", "handover.date", "handover.signedBy"} <= keys
    assert [loop["key"] for loop in manifest["loops"]] == ["areas"]


@pytest.mark.parametrize("slug", SLUGS)
def test_every_sample_is_printed_on_one_page(typesetter: Typesetter, slug: str) -> None:
    """All text of the sample is on the page."""
    template = read_template(slug)
    options = {"page_config": template["pageConfig"], "layout": template.get("layout")}

    (page,) = read_text(
        typesetter.compile(Document(template["name"], template["manifest"], template["sampleData"], options))
    )

    assert template["name"] in page
    for field in list_fields(template["manifest"]):
        value = find_value(template["sampleData"], field["key"])
        if isinstance(value, str) and "format" not in field:
            assert " ".join(value.split()) in page, field["key"]
    for row in template["sampleData"].get("areas", []):
        assert all(value in page for value in row.values())


@pytest.mark.parametrize("slug", SLUGS)
def test_every_sample_has_what_is_required(slug: str) -> None:
    template = read_template(slug)
    required = [field["key"] for field in list_fields(template["manifest"]) if field["required"]]

    assert required
    assert all(find_value(template["sampleData"], key) is not None for key in required)
    assert len(json.dumps(template["description"])) < 280
