"""Modules of the page in node, beside the functions in Python that they follow."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parents[2] / "har" / "live" / "page"


def in_node(body: str, given: Any, folder: Path, **imported: str) -> Any:
    """What the statements of ``body`` return as JSON, NaN as null; ``given`` is what they are given.

    imported: module of the page's ``device/`` -> names that are imported from it. The test is skipped where there is no
    node.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine (Debian: apt-get install nodejs)")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "given.json").write_text(json.dumps(given))
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    imports = [f'import {{ {names} }} from "./device/{name}.js";' for name, names in imported.items()]
    program = [
        'import { readFileSync } from "node:fs";',
        *imports,
        'const given = JSON.parse(readFileSync(new URL("given.json", import.meta.url)));',
        f"const found = await (async () => {{ {body} }})();",
        "console.log(JSON.stringify(found));",
    ]
    (folder / "program.mjs").write_text("\n".join(program))
    run = subprocess.run([node, str(folder / "program.mjs")], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def plain(values: Any) -> Any:
    """Arrays as lists, with None for NaN, which JSON does not know."""
    if hasattr(values, "tolist"):
        return plain(values.tolist())
    if isinstance(values, list | tuple):
        return [plain(value) for value in values]
    return None if values != values else values
