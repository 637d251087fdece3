"""`craftkit-async templates`: what can be rendered, and what it takes."""

from collections.abc import Iterator
from typing import Any

import click

from craftkit_async.cli.exit_codes import GOOD
from craftkit_async.cli.service import open_client, run, service_options
from craftkit_async.cli.terminal import say, say_json, show_help_without_command, show_table
from craftkit_async.client import Craftkit
from craftkit_async.models.templates import Manifest, Template, TemplateSummary, Variable

_NOTHING = Manifest()


@click.group(invoke_without_command=True)
@click.pass_context
def templates(context: click.Context) -> None:
    """List templates, and show what data they take."""
    show_help_without_command(context)


@templates.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@service_options
def list_all(*, as_json: bool, **service: Any) -> int:
    """List the templates."""
    found = run(_list(open_client(**service)))
    if as_json:
        say_json([_template_fields(template) for template in found])
    else:
        rows = [(each.slug, each.name, each.current_version_number, _is_published(each)) for each in found]
        show_table(("slug", "name", "version", ""), rows)
    return GOOD


@templates.command()
@click.argument("slug")
@click.option("--json", "as_json", is_flag=True, help="Print the template as JSON, with the schema of its data.")
@service_options
def show(*, slug: str, as_json: bool, **service: Any) -> int:
    """Show what data a template takes."""
    template = run(_get(open_client(**service), slug))
    if as_json:
        say_json(_template_fields(template) | {"fields": list(_fields(template)), "jsonSchema": template.json_schema})
        return GOOD
    say(f"{template.slug}: {template.name}, version {template.current_version_number}, {_is_published(template)}")
    rows = [(each["key"], each["type"], "required" if each["required"] else "", each["label"])
            for each in _fields(template)]  # fmt: skip  # one line a part
    show_table(("field", "type", "", "label"), rows)
    return GOOD


async def _list(craftkit: Craftkit) -> list[TemplateSummary]:
    async with craftkit:
        return await craftkit.templates.list()


async def _get(craftkit: Craftkit, slug: str) -> Template:
    async with craftkit:
        return await craftkit.templates.get(slug)


def _is_published(template: TemplateSummary | Template) -> str:
    return "published" if template.published else "draft"


def _template_fields(template: TemplateSummary | Template) -> dict[str, Any]:
    return {
        "slug": template.slug,
        "name": template.name,
        "version": template.current_version_number,
        "published": template.published,
        "updatedAt": template.updated_at.isoformat(),
    }


def _fields(template: Template) -> Iterator[dict[str, Any]]:
    """List all fields of the data; a field of a table's rows is written `table[].field`."""
    manifest = template.manifest or _NOTHING
    for variable in manifest.variables:
        yield _field("", variable)
    for loop in manifest.loops:
        for variable in loop.item_fields:
            yield _field(f"{loop.key}[].", variable)


def _field(before: str, variable: Variable) -> dict[str, Any]:
    return {
        "key": f"{before}{variable.key}",
        "type": variable.data_type or "text",
        "required": variable.required,
        "label": variable.label,
    }
