"""``quintain minecraft``: what the worlds over Minecraft's protocol need."""

from __future__ import annotations

import typer

from quintain.cli.console import say

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Install the bridge of the Minecraft tasks' protocol backend."
)


@app.command()
def install() -> None:
    """Install the packages of the bridge into the user's cache with npm, and print their folder.

    Exactly the versions of the lock file in this package are installed, about 570 MB. Node.js 22 is recommended.
    """
    from quintain.envs.minecraft.protocol.install import install_bridge, installed_folder

    if installed_folder() is None:
        say("npm installs mineflayer and flying-squid, about 570 MB ...")
    typer.echo(install_bridge())


@app.command()
def path() -> None:
    """Print the folder of the installed packages."""
    from quintain.envs.minecraft.protocol.install import find_bridge

    typer.echo(find_bridge()[1])
