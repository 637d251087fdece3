"""HTML: the report of a batch as one page, with its style and its histogram inside."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from craftkit_async.batch.figures.report import BatchReport, Durations

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: #8884; --soft: #8882; --good: #2a7d4f; --bad: #b3402e; --bar: #3b6ea8 }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2.5rem auto; padding: 0 1.25rem }}
h1 {{ font-size: 1.6rem; margin: 0 0 1.5rem }} h2 {{ font-size: 1.1rem; margin: 2.25rem 0 .5rem }}
dl {{ margin: 0 }}
dl div {{ display: inline-block; min-width: 7.5rem; margin: 0 .5rem .6rem 0; padding: .6rem .9rem }}
dl div {{ background: var(--soft); border-radius: .5rem }}
dt {{ font-size: .8rem; opacity: .75 }} dd {{ margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums }}
.good {{ color: var(--good) }} .bad {{ color: var(--bad) }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }}
th, td {{ text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line) }}
th:first-child, td:first-child {{ text-align: left }} th {{ font-size: .8rem; font-weight: 600; opacity: .75 }}
.words td, .words th {{ text-align: left }}
svg {{ width: 100%; height: auto }} svg text {{ font-size: 11px; fill: currentColor }} rect {{ fill: var(--bar) }}
</style>
<h1>{title}</h1>
<dl>{figures}</dl>
{sections}
</html>
"""

_WIDTH, _HEIGHT, _MARGIN, _WIDEST = 720, 180, 18, 60

# The captions of more bars than this would overlap.
_CAPTIONS = 12


def to_html(report: "BatchReport", title: str) -> str:
    """Write the page; whatever is not ours is escaped."""
    sections = (
        _section("Seconds", _percentiles(report)),
        _section("Rows by how long they took", _histogram(report.row_seconds)),
        _section("Results by who brought them", _counts("source", report.by_source)),
        _section("Failures by code", _counts("code", report.by_error)),
        _section(_failures_title(report), _failures(report)),
    )
    figures = "".join(_figure(*figure) for figure in _figures(report))
    return _PAGE.format(title=escape(title), figures=figures, sections="\n".join(filter(None, sections)))


def _figures(report: "BatchReport") -> Iterable[tuple[str, str, str]]:
    yield "rows", f"{report.rows:,}", ""
    yield "succeeded", f"{report.succeeded:,}", "good"
    yield "failed", f"{report.failed:,}", "bad" if report.failed else ""
    if report.in_flight:
        yield "in flight", f"{report.in_flight:,}", ""
    if report.saved:
        yield "documents saved", f"{report.saved:,}", ""
    yield "rows per second", f"{report.throughput:,.1f}", ""
    yield "elapsed", f"{report.elapsed:,.1f} s", ""
    yield "by webhook", f"{report.webhook_share:.0%}", ""
    yield "retries", f"{report.retries:,}", ""
    yield "rate limited", f"{report.throttled:,}", ""


def _figure(name: str, value: str, kind: str) -> str:
    return f'<div><dt>{name}</dt><dd class="{kind}">{value}</dd></div>'


def _section(title: str, content: str) -> str:
    return f"<h2>{title}</h2>\n{content}" if content else ""


def _percentiles(report: "BatchReport") -> str:
    shown = {
        "row, from its start to its outcome": report.row_seconds,
        "render, as the service says": report.render_seconds,
        "from a render's completion to its result": report.detection_seconds,
    }
    rows = ((name, each.p50, each.p90, each.p99, each.most) for name, each in shown.items() if each.count)
    return _table(("", "50 %", "90 %", "99 %", "longest"), rows)


def _counts(name: str, counts: Mapping[str, int]) -> str:
    return _table((name, "rows"), counts.items())


def _failures_title(report: "BatchReport") -> str:
    listed = len(report.failures)
    return "Failed rows" if listed == report.failed else f"Failed rows, the first {listed:,} of {report.failed:,}"


def _failures(report: "BatchReport") -> str:
    rows = ((row.index + 1, row.code, row.template, row.render_id) for row in report.failures)
    return _table(("row", "code", "template", "render"), rows, "words")


def _table(head: Iterable[str], rows: Iterable[Iterable[object]], kind: str = "") -> str:
    body = "\n".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f'<table class="{kind}"><tr>{titles}</tr>\n{body}</table>' if body else ""


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else escape("–" if value is None else str(value))  # noqa: RUF001 - a dash


def _histogram(durations: "Durations") -> str:
    """Draw a bar for each step; its caption is the step's upper bound."""
    if not durations.count:
        return ""
    highest = max(count for _, count in durations.histogram)
    width = min(_WIDEST, _WIDTH / len(durations.histogram))
    every = -(-len(durations.histogram) // _CAPTIONS)
    bars = []
    for index, (bound, count) in enumerate(durations.histogram):
        height = (_HEIGHT - 2 * _MARGIN) * count / highest
        left, top = index * width, _HEIGHT - _MARGIN - height
        bars.append(
            f'<rect x="{left + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" height="{height:.1f}">'
            f"<title>{count:,} rows up to {bound:.3g} s</title></rect>"
        )
        if index % every == 0:
            middle = left + width / 2
            bars.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{bound:.3g} s</text>')
            bars.append(f'<text x="{middle:.1f}" y="{top - 4:.1f}" text-anchor="middle">{count:,}</text>')
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(bars)}</svg>'
