"""`templates`: what can be rendered."""

import json

import pytest

from tests.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("service")


def test_list(run: Run) -> None:
    """In a pipe it is one line a template, with tabs between."""
    ended = run("templates", "list")
    listed = json.loads(run("templates", "list", "--json").out)

    assert ended.code == 0
    assert "invoice\tInvoice\t1\tpublished" in ended.out.splitlines()
    assert [each["slug"] for each in listed] == [line.partition("\t")[0] for line in ended.out.splitlines()]
    assert listed[0].keys() == {"slug", "name", "version", "published", "updatedAt"}


def test_show(run: Run) -> None:
    """Every field that the data may hold, those of tables included."""
    ended = run("templates", "show", "invoice")
    shown = json.loads(run("templates", "show", "invoice", "--json").out)

    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == "invoice: Invoice, version 1, published"
    assert "number\ttext\trequired\tInvoice number" in lines
    assert "items[].quantity\tnumber\trequired\tQuantity" in lines
    assert [each["key"] for each in shown["fields"]] == [line.partition("\t")[0] for line in lines[1:]]
    assert shown["jsonSchema"]["type"] == "object"


def test_one_that_is_not_there(run: Run) -> None:
    """The service's own words."""
    ended = run("templates", "show", "nope")

    assert (ended.code, ended.out) == (1, "")
    assert "404 template_not_found" in ended.err
