"""MkDocs hook: the navigation of the site, and the pages and parts of pages that are made from the source.

The Python reference has one page per public module (``layout.REFERENCE``), with every public name on exactly one page.
A comment such as ``<!-- generated: environment CodeReason-v0 -->`` on a written page is replaced by what the source
says; :data:`GENERATORS` lists the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import commands
import environments
import game_pages
import sources
from layout import REFERENCE, SECTIONS, Public, homes, names_of, public_modules, target
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

#: First word of a ``generated`` comment -> what makes its text of the remaining words.
GENERATORS: dict[str, Callable[..., str]] = {
    "commands": commands.render,
    "environment": environments.render,
    "environments": environments.overview,
    "game": game_pages.render,
    "games": game_pages.index,
}
_GENERATED = re.compile(r"^<!-- generated: ([\w-]+) ?(.*?) -->$", re.MULTILINE)
#: Head of a page that the search lists after the written ones.
_LAST_IN_SEARCH = ("---", "search:", "  boost: 0.3", "---", "")
_ROLE = re.compile(r":\w+:`~?([\w.]+)`")


def page_of(module: Public) -> str:
    """Return the path of a module's page inside the documentation."""
    return f"reference/api/{module.name}.md"


def _write(module: Public) -> str:
    lines = [*_LAST_IN_SEARCH, f"# {module.name}", "", f"::: {module.name}", "    options:", "      members: false"]
    lines += ["      show_root_toc_entry: false", ""]
    paths, found = names_of(module), homes()
    if len(paths) > 1:
        lines += ["| name | |", "| --- | --- |"]
        for path in paths:
            name = path.removeprefix(f"{module.name}.").rpartition(".")[2] or path
            lines.append(f"| {_link(target(path), name)} | {_plain(sources.first_line(path))} |")
        lines.append("")
    for path in paths:
        if found[sources.home(path)] == path and sources.tree_of(path) is None:  # exported modules have a page
            lines += _described(path)
    return "\n".join(lines)


def _described(path: str) -> list[str]:
    """Return what mkdocstrings is asked to show of one name."""
    options = ["    options:", "      show_root_heading: true"]
    if not sources.is_long(path):
        options.append("      show_attribute_values: true")
    identifier = target(path)
    if identifier != path:
        options += [f"      heading: {path}", f"      toc_label: {path.rpartition('.')[2]}"]
    return [f"::: {identifier}", *options, ""]


def _overview() -> str:
    """Write the first page of the reference: every module by subject."""
    lines = ["# Python", "", "The public interface. What is not listed here is internal and may change.", ""]
    for heading, modules in REFERENCE.items():
        lines += [f"## {heading}", "", "| module | |", "| --- | --- |"]
        for module in modules:
            lines.append(f"| [`{module.name}`]({module.name}.md) | {_plain(sources.summary(module.name))} |")
        lines.append("")
    return "\n".join(lines)


def _link(target: str, text: str) -> str:
    return f'<autoref optional identifier="{target}"><code>{text}</code></autoref>'


def _plain(text: str) -> str:
    """Write a line of a docstring as Markdown in a table."""
    return _ROLE.sub(lambda match: f"`{match[1].rpartition('.')[2]}`", text).replace("|", "\\|")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lay out the navigation: written pages by folder, then the reference, papers, results and benchmarks."""
    docs = Path(config.docs_dir)
    nav: list[Any] = [{"Quintain": "index.md"}]
    for title, (folder, first) in SECTIONS.items():
        pages = sorted(p.name for p in (docs / folder).glob("*.md"))
        ordered = [p for p in first if p in pages] + [p for p in pages if p not in first]
        nav.append({title: [f"{folder}/{p}" for p in ordered]})
    written = [f"reference/{p.name}" for p in sorted((docs / "reference").glob("*.md"))]
    modules = [
        {heading: [{module.name: page_of(module)} for module in modules]} for heading, modules in REFERENCE.items()
    ]
    nav.append({"Reference": [*written, {"Python": ["reference/api/index.md", *modules]}]})
    papers = sorted(p.name for p in (docs / "papers").glob("*.md") if p.name != "index.md")
    nav.append({"Papers": ["papers/index.md", *(f"papers/{name}" for name in papers)]})
    nav.append({"Results": [f"results/{p.name}" for p in sorted((docs / "results").glob("*.md"))]})
    nav.append(
        {"Benchmarks": ["benchmarks.md", *(f"benchmarks/{p.name}" for p in sorted((docs / "benchmarks").glob("*.md")))]}
    )
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the Python reference."""
    files.append(File.generated(config, "reference/api/index.md", content=_overview()))
    for module in public_modules():
        files.append(File.generated(config, page_of(module), content=_write(module)))
    return files


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Put in what the source says."""
    return _GENERATED.sub(lambda match: GENERATORS[match[1]](*match[2].split()), markdown)
