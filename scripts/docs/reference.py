"""MkDocs hook: one reference page per public module, made from its docstrings, and the navigation of the site.

Packages get a page that lists what they export and which modules they hold; modules show everything in ``__all__``.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
#: Folders of the site, in order, with the pages that come first.
SECTIONS = {
    "Tutorial": ("tutorial", ["first-evaluation.md", "own-task.md", "own-agent.md"]),
    "How-to": ("how-to", ["install.md"]),
    "Explanation": ("explanation", ["contracts.md"]),
}
#: What runs inside the sandbox's child processes, and single tasks, which docs/reference/tasks.md lists.
HIDDEN = ("quintain.sandbox.jail", "quintain.envs.code_reason.symbench.", "quintain.envs.code_reason.reasoning_gym.")


class Module(NamedTuple):
    """A documented module: its dotted name, file, syntax tree and whether it is a package."""

    name: str
    path: Path
    tree: ast.Module
    is_package: bool

    @property
    def page(self) -> str:
        """Path of its page inside the documentation."""
        inner = self.name.removeprefix("quintain").replace(".", "/").lstrip("/")
        return f"reference/api/{inner}{'/index' if self.is_package and inner else '' if inner else 'index'}.md"

    @property
    def summary(self) -> str:
        """First line of its docstring."""
        return (ast.get_docstring(self.tree) or "").partition("\n")[0]

    @property
    def exports(self) -> list[str]:
        """The names in its ``__all__``."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                return list(ast.literal_eval(node.value))
        return []

    def source(self, name: str) -> str | None:
        """The module that an exported name is imported from; None if it is defined here.

        Imports inside functions do not count; those for type checkers do.
        """
        typed = (node.body for node in self.tree.body if isinstance(node, ast.If))
        for node in itertools.chain(self.tree.body, *typed):
            if isinstance(node, ast.ImportFrom) and node.module and any(a.name == name for a in node.names):
                return node.module
        return None


def public_modules() -> list[Module]:
    """Find the modules that have something to document, packages before what they hold."""
    return list(_modules(ROOT / "quintain", "quintain"))


def _modules(folder: Path, name: str) -> Iterator[Module]:
    if name.startswith(HIDDEN):
        return
    init = folder / "__init__.py"
    if init.exists():
        yield Module(name, init, ast.parse(init.read_text(encoding="utf-8")), True)
    for path in sorted(folder.iterdir()):
        inner = f"{name}.{path.stem}"
        if path.name.startswith("_") or inner.startswith(HIDDEN):
            continue
        if path.is_dir() and (path / "__init__.py").exists():
            yield from _modules(path, inner)
        elif path.suffix == ".py":
            module = Module(inner, path, ast.parse(path.read_text(encoding="utf-8")), False)
            if module.exports:
                yield module


def _write(module: Module, modules: list[Module]) -> str:
    lines = [f"# {module.name}", ""]
    if not module.is_package:
        return "\n".join([*lines, f"::: {module.name}", ""])
    lines += [f"::: {module.name}", "    options:", "      members: false", ""]
    if module.exports:
        links = (_link(f"{_home(module, name, modules)}.{name}", name) for name in module.exports)
        lines += ["Exports: " + ", ".join(links) + ".", ""]
    inner = [m for m in modules if m.name.rpartition(".")[0] == module.name]
    if inner:
        lines += ["| module | |", "| --- | --- |"]
        here = module.page.rpartition("/")[0] + "/"
        lines += [f"| [`{m.name.rpartition('.')[2]}`]({m.page.removeprefix(here)}) | {m.summary} |" for m in inner]
    return "\n".join([*lines, ""])


def _home(module: Module, name: str, modules: list[Module]) -> str:
    """Follow the imports of an exported name to the module that defines it: ``compare`` is a module's name as well."""
    source = module.source(name)
    if source is None:
        return module.name
    inner = next(
        (m for m in modules if m.name == source and m is not module), None
    )  # a package exports its modules, too
    return source if inner is None else _home(inner, name, modules)


def _link(target: str, text: str) -> str:
    return f'<autoref optional identifier="{target}"><code>{text}</code></autoref>'


def _tree(modules: list[Module], package: str) -> list[Any]:
    """Navigation entries for what a package holds."""
    entries: list[Any] = [m.page for m in modules if m.name == package]
    for module in modules:
        if module.name.rpartition(".")[0] == package:
            title = module.name.rpartition(".")[2]
            entries.append({title: _tree(modules, module.name) if module.is_package else module.page})
    return entries


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lay out the navigation: hand-written pages by folder, then the generated reference."""
    docs = Path(config.docs_dir)
    nav: list[Any] = [{"Quintain": "index.md"}]
    for title, (folder, first) in SECTIONS.items():
        pages = sorted(p.name for p in (docs / folder).glob("*.md"))
        ordered = [p for p in first if p in pages] + [p for p in pages if p not in first]
        nav.append({title: [f"{folder}/{p}" for p in ordered]})
    written = [f"reference/{p.name}" for p in sorted((docs / "reference").glob("*.md"))]
    nav.append({"Reference": [*written, {"Python": _tree(public_modules(), "quintain")}]})
    papers = sorted(p.name for p in (docs / "papers").glob("*.md") if p.name != "index.md")
    nav.append({"Papers": ["papers/index.md", *(f"papers/{name}" for name in papers)]})
    nav.append({"Results": [f"results/{p.name}" for p in sorted((docs / "results").glob("*.md"))]})
    nav.append(
        {"Benchmarks": ["benchmarks.md", *(f"benchmarks/{p.name}" for p in sorted((docs / "benchmarks").glob("*.md")))]}
    )
    config.nav = nav
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    modules = public_modules()
    for module in modules:
        files.append(File.generated(config, module.page, content=_write(module, modules)))
    return files
