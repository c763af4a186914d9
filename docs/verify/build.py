"""Puts the page together: one self-contained file whose policy allows its own script and style and nothing else.

Run it from anywhere after verify.js, page.js, page.css or page.html has changed; a test checks that index.html is what
it makes.
"""

import base64
import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent


def page() -> str:
    """Return the content of index.html."""
    module = (FOLDER / "verify.js").read_text(encoding="utf-8").replace("\nexport ", "\n")
    script = f"\n{module}\n{(FOLDER / 'page.js').read_text(encoding='utf-8')}"
    style = f"\n{(FOLDER / 'page.css').read_text(encoding='utf-8')}"
    allowed = f"script-src {_hash(script)}; style-src {_hash(style)}"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    template = (FOLDER / "page.html").read_text(encoding="utf-8")
    return template.replace("{policy}", policy).replace("{style}", style).replace("{script}", script)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


if __name__ == "__main__":
    (FOLDER / "index.html").write_text(page(), encoding="utf-8")
