"""Templates and their versions: create, publish, find and delete."""

from collections.abc import Mapping
from typing import Any, Final

from craftkit_async.emulator.background.clock import Clock
from craftkit_async.emulator.documents import choose_pipeline
from craftkit_async.emulator.http.answers import Refusal
from craftkit_async.emulator.manifests.binding import Binding, read_manifest
from craftkit_async.emulator.storage.identifiers import new_id, new_token, to_slug
from craftkit_async.emulator.storage.records import Template, Version
from craftkit_async.emulator.storage.state import State

_MAX_BINDINGS: Final = 1000  # parsed manifests kept; the cache is cleared when it is full


class TemplateStore:
    """Finds, creates and publishes templates."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state, self._clock = state, clock
        self._bindings: dict[str, Binding] = {}

    def find(self, project_id: str, slug: str) -> Template:
        """Return a template by slug; raises `Refusal` if there is none."""
        template = self._state.template_by_slug.newest((project_id, slug))
        if template is None or template.deleted is not None:
            raise Refusal(404, "template_not_found", "No template with that slug.")
        return template

    def is_there(self, project_id: str, slug: str) -> bool:
        """Return whether a template has this slug."""
        template = self._state.template_by_slug.newest((project_id, slug))
        return template is not None and template.deleted is None

    def find_version(self, template: Template, number: int | None = None) -> Version:
        """Return a published version, by default the current one; raises `Refusal` if there is none."""
        if template.current_version is None:
            raise Refusal(409, "no_published_version", "The template was never published.")
        wanted = template.current_version if number is None else number
        version = self._state.versions.get(f"{template.id}:{wanted}")
        if version is None:
            raise Refusal(404, "version_not_found", "The template has no such published version.")
        return version

    def read_current(self, template: Template) -> Version | None:
        """Return the current version, or None if the template was never published."""
        return None if template.current_version is None else self.find_version(template)

    def bind(self, version: Version) -> Binding:
        """Return the version's parsed manifest, which validates data."""
        binding = self._bindings.get(version.id)
        if binding is None:
            if len(self._bindings) >= _MAX_BINDINGS:
                self._bindings.clear()
            binding = self._bindings[version.id] = read_manifest(version.manifest)
        return binding

    def choose_slug(self, project_id: str, name: str) -> str:
        """Derive a slug from a name, with a short random suffix if another template has it."""
        slug = chosen = to_slug(name, "template")
        while self.is_there(project_id, chosen):
            chosen = f"{slug}-{new_token('', 2)}"
        return chosen

    def make(self, project_id: str, slug: str, name: str, description: str | None) -> Template:
        """Create a template without a version; the caller stores it."""
        now = self._clock.now()
        return Template(
            id=new_id(now),
            project_id=project_id,
            slug=slug,
            name=name,
            description=description,
            created=now,
            updated=now,
            hook_token=new_token("inb_"),
            hook_secret=new_token("whin_"),
        )

    def publish(self, template: Template, content: Mapping[str, Any]) -> Version:
        """Publish the next version of a template and store both."""
        number = (template.current_version or 0) + 1
        version = Version(
            id=f"{template.id}:{number}",
            template_id=template.id,
            number=number,
            manifest=content["manifest"],
            layout=content.get("layout"),
            page_config=content.get("pageConfig"),
            pipeline=content.get("pipeline") or choose_pipeline(content.get("layout"), template.template_type),
        )
        template.current_version, template.updated = number, self._clock.now()
        self._state.versions.put(version)
        self._state.templates.put(template)
        return version

    def delete(self, template: Template) -> int:
        """Soft-delete a template, which frees its slug; return the time of deletion."""
        template.deleted = self._clock.now()
        self._state.templates.put(template)
        return template.deleted

    def add(self, project_id: str, content: Mapping[str, Any]) -> Template:
        """Create or update a template as the dashboard does: dotted loop keys and unpublished drafts are allowed."""
        slug, name = content["slug"], content.get("name", content["slug"])
        if self.is_there(project_id, slug):
            template = self.find(project_id, slug)
        else:
            template = self.make(project_id, slug, name, content.get("description"))
        template.template_type = content.get("templateType", template.template_type)
        template.hook_enforced = bool(content.get("enforceHookSignature", template.hook_enforced))
        if content.get("published", True):
            self.publish(template, content)
        return self._state.templates.put(template)
