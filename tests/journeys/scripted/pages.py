"""Small sites for journeys of tests, and a way to run them as the command does."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from agent.cli.main import main

SHOP = """<!doctype html><title>Alder &amp; Finch</title>
<h1>Things that last</h1>
<a href="/lamp.html">Winter sale</a> <a href="/new.html" target="_blank">In a new tab</a>
<label>Mail <input></label>
<select aria-label="Size"><option>Small<option value="m">Medium</select>
<button data-testid="buy-now" onclick="this.after('Bought')">Buy now</button>
<button>Twice</button><button>Twice</button><button disabled>Sold out</button>
<iframe title="Advertisement" srcdoc="<button onclick='this.after(&quot;Seen&quot;)'>Look</button>"></iframe>
"""


def write_shop(folder: Path) -> Path:
    """The folder of a shop."""
    shop = folder / "shop"
    shop.mkdir(exist_ok=True)
    (shop / "index.html").write_text(SHOP, encoding="utf-8")
    (shop / "lamp.html").write_text("<!doctype html><title>A lamp</title><p>Light", encoding="utf-8")
    (shop / "new.html").write_text("<!doctype html><title>New</title><button>Here</button>", encoding="utf-8")
    return shop


def write(folder: Path, steps: str, *, name: str = "j.yaml", sites: str = "{shop.test: shop}") -> Path:
    """A journey over the shop."""
    write_shop(folder)
    file = folder / name
    file.write_text(f"name: {name}\nsites: {sites}\nsteps:\n{dedent(steps).strip()}\n", encoding="utf-8")
    return file


def run(*arguments: str | Path) -> int:
    """The exit code of ``tallyhost run``."""
    return main(["run", *map(str, arguments)])
