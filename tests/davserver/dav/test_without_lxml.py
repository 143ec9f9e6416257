"""WsgiDAV parses with lxml where it is there, else with what Python has: both must do."""

import subprocess
import sys
from pathlib import Path

from tests.checkout import ROOT

SCRIPT = """
import sys
sys.modules["lxml"] = None  # as if it were not installed
from pathlib import Path
from tests.drive import EXCLUSIVE, Drive, asking, setting
from tests.sites import make_library, site
from wsgidav import xml_tools
assert not xml_tools.use_lxml
library = make_library(Path(sys.argv[1]))
drive = Drive(site(library))
token = drive.lock("/Upload/a.jpg")
body = setting("<C:note a='1'>x &lt; <C:in/> y</C:note> behind &amp; <C:two/>")
reply = drive.send("PROPPATCH", "/Upload/a.jpg", body, If=f"(<{token}>)")
assert reply.status_code == 207, reply.data
noted = drive.look("/Upload/a.jpg").found["{urn:x}note"]
assert (noted.text, noted.get("a"), noted[0].tail) == ("x < ", "1", " y"), noted
assert token.encode() in drive.send("PROPFIND", "/Upload/a.jpg", asking("lockdiscovery")).data
for method in ("PROPFIND", "PROPPATCH", "LOCK"):
    assert drive.send(method, "/Upload/a.jpg", "<!DOCTYPE a><a/>").status_code == 400
assert drive.unlock("/Upload/a.jpg", token) == 204
library.close()
print("as it should be")
"""


def test_locks_and_notes_work_without_lxml(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "store")],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    assert "as it should be" in done.stdout, done.stderr
